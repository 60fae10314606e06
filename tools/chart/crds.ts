// Writes the template of the chart's sub-chart crds from config/crd, which packages/api/scripts/write-crds.ts writes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { ROOT } from '../run.ts'

export const CRDS_FILE: string = join(ROOT, 'charts/metallb/charts/crds/templates/crds.yaml')

/** Every definition, in the order of their names. Nothing is left to fill in but whether a webhook converts BGPPeers. */
export function crdsTemplate(): string {
  const folder = join(ROOT, 'config/crd')
  const documents = readdirSync(folder)
    .sort()
    .map(name => parse(readFileSync(join(folder, name), 'utf8')) as Definition)
    .map(crd => (crd.metadata.name === CONVERTED ? withConversion(written(crd)) : written(crd)))
  return ['# Written by tools/chart/crds.ts.\n', ...documents].join('---\n')
}

interface Definition {
  readonly metadata: { readonly name: string }
}

const CONVERTED = 'bgppeers.metallb.io'

function written(object: object): string {
  const text = stringify(object, { lineWidth: 120, aliasDuplicateObjects: false })
  if (text.includes('{{')) throw new Error('a definition holds {{, which Helm would take for its own')
  return text
}

function withConversion(text: string): string {
  return text.replace(/^ {2}versions:$/m, `${CONVERSION}$&`)
}

/** As `conversionWebhook` of packages/api has it. */
const CONVERSION = `  {{- if .Values.conversionWebhook }}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions:
        - v1
        - v1beta1
      clientConfig:
        service:
          name: metallb-webhook-service
          namespace: {{ .Release.Namespace }}
          path: /convert
  {{- end }}
`

if (import.meta.main) writeFileSync(CRDS_FILE, crdsTemplate())
