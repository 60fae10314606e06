import { stringify } from 'yaml'
import type { Resource } from './convert.ts'

/** As `kubectl apply` takes it, keys in the order of the alphabet. */
export function writeResources(resources: readonly Resource[]): string {
  const documents = resources.map(resource => `${stringify(resource, { sortMapEntries: true, lineWidth: 0 })}---\n`)
  return ['# Made of the configuration that MetalLB had before 0.13.\n', ...documents].join('')
}
