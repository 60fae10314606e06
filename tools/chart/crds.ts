// Writes the template of the chart's sub-chart crds from the one source of the resources, packages/api.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crds } from '@metallb-ts/api'
import { stringify } from 'yaml'
import { ROOT } from '../run.ts'

export const CRDS_FILE: string = join(ROOT, 'charts/metallb/charts/crds/templates/crds.yaml')

/** Every definition, in the order of their names, as a template in which nothing is left to fill in. */
export function crdsTemplate(): string {
  const documents = crds()
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map(crd => stringify(crd, { lineWidth: 120, aliasDuplicateObjects: false }))
  const text = ['# Written by tools/chart/crds.ts.\n', ...documents].join('---\n')
  if (text.includes('{{')) throw new Error('a definition holds {{, which Helm would take for its own')
  return text
}

if (import.meta.main) writeFileSync(CRDS_FILE, crdsTemplate())
