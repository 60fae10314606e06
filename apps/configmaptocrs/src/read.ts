import { failed, ok, type Result } from '@metallb-ts/runtime'
import { parse, YAMLParseError } from 'yaml'
import { KEYS, type OldConfig } from './sections.ts'

export interface OldSource {
  readonly config: OldConfig
  readonly namespace: string
}

const DEFAULT_NAMESPACE = 'metallb-system'

/** The old configuration out of a ConfigMap, or out of its data alone. */
export function readSource(
  text: string,
  { onlyData }: { readonly onlyData: boolean },
): Result<OldSource, readonly string[]> {
  try {
    const { data, namespace } = onlyData ? { data: text, namespace: DEFAULT_NAMESPACE } : fromConfigMap(text)
    if (data === undefined) return failed(['bad ConfigMap: no data'])
    const config: unknown = parse(data) ?? {}
    const problems = unknownKeys(config)
    return problems.length > 0 ? failed(problems) : ok({ config: config as OldConfig, namespace })
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    return failed([`this is no YAML: ${error.message}`])
  }
}

function fromConfigMap(text: string): { readonly data: string | undefined; readonly namespace: string } {
  const map = parse(text) as { data?: { config?: unknown }; metadata?: { namespace?: string } } | null
  const config = map?.data?.config
  return {
    data: typeof config === 'string' && config !== '' ? config : undefined,
    namespace: map?.metadata?.namespace ?? DEFAULT_NAMESPACE,
  }
}

/** What would be lost without a word. */
function unknownKeys(config: unknown): readonly string[] {
  if (!isObject(config)) return ['the configuration has to be a map of sections']
  const problems: string[] = strange(config, '', 'the configuration')
  for (const section of ['peers', 'address-pools', 'bfd-profiles']) {
    const items = config[section]
    if (items === undefined || items === null) continue
    if (!Array.isArray(items)) problems.push(`${section}: has to be a list`)
    else for (const [i, item] of items.entries()) problems.push(...strange(item, section, `${section}[${i}]`))
  }
  for (const [i, pool] of (Array.isArray(config['address-pools']) ? config['address-pools'] : []).entries()) {
    const entries: unknown = isObject(pool) ? pool['bgp-advertisements'] : undefined
    if (!Array.isArray(entries)) continue
    const at = `address-pools[${i}].bgp-advertisements`
    for (const [n, entry] of entries.entries()) problems.push(...strange(entry, 'bgp-advertisements', `${at}[${n}]`))
  }
  return problems
}

function strange(item: unknown, section: string, where: string): string[] {
  if (!isObject(item)) return [`${where}: has to be a map`]
  return Object.keys(item)
    .filter(key => KEYS[section]?.includes(key) !== true)
    .map(key => `${where}: "${key}" means nothing there`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
