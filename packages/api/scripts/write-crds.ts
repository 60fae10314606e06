// Writes config/crd/*.yaml from the one source of the resources, src/crd.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { crds } from '../src/index.ts'

const folder = fileURLToPath(new URL('../../../config/crd/', import.meta.url))
mkdirSync(folder, { recursive: true })
for (const crd of crds()) writeFileSync(`${folder}${crd.metadata.name}.yaml`, stringify(crd, { lineWidth: 120 }))
