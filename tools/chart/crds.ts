// Writes the template of the chart's sub-chart crds from config/crd, which packages/api/scripts/write-crds.ts writes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { ROOT } from '../run.ts'

export const CRDS_FILE: string = join(ROOT, 'charts/metallb/charts/crds/templates/crds.yaml')

/** Every definition, in the order of their names, as a template in which nothing is left to fill in. */
export function crdsTemplate(): string {
  const folder = join(ROOT, 'config/crd')
  const documents = readdirSync(folder)
    .sort()
    .map(name => parse(readFileSync(join(folder, name), 'utf8')) as object)
    .map(crd => stringify(crd, { lineWidth: 120, aliasDuplicateObjects: false }))
  const text = ['# Written by tools/chart/crds.ts.\n', ...documents].join('---\n')
  if (text.includes('{{')) throw new Error('a definition holds {{, which Helm would take for its own')
  return text
}

if (import.meta.main) writeFileSync(CRDS_FILE, crdsTemplate())
