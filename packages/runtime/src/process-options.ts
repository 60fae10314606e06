import { failed, ok, type Result } from './failure.ts'
import { LOG_LEVELS, type LogLevel } from './logger.ts'
import {
  booleanOption,
  choiceOption,
  integerOption,
  readOptions,
  textOption,
  type OptionDefinition,
  type OptionDefinitions,
  type OptionProblem,
  type OptionValues,
} from './options.ts'

/** What every process of ours may be told. */
export interface ProcessOptions {
  /** A kubeconfig file; empty means the pod's service account. */
  readonly kubeconfig: string
  readonly logLevel: LogLevel
  /** 0 turns metrics off. */
  readonly metricsPort: number
  /** Metrics for everybody, in plain HTTP. */
  readonly metricsAreOpen: boolean
  /** Folder of `tls.crt` and `tls.key` for metrics; empty means a certificate of our own making. */
  readonly metricsCertificateFolder: string
  readonly tlsMinVersion: TlsVersion
  readonly tlsCipherSuites: readonly string[]
  readonly tlsCurves: readonly string[]
  /** 0 picks a free one. */
  readonly healthPort: number
  readonly loadBalancerClass: string
  /** Where the custom resources live; empty means the service account's. */
  readonly namespace: string
  /** This pod, owner of the objects that it writes; empty outside a pod. */
  readonly podName: string
}

export type TlsVersion = (typeof TLS_VERSIONS)[number]

const TLS_VERSIONS = ['VersionTLS12', 'VersionTLS13'] as const

/** Curves by their IANA numbers (RFC 8446 §4.2.7), as Node.js names them. */
const CURVES: Readonly<Record<string, string>> = {
  23: 'P-256',
  24: 'P-384',
  25: 'P-521',
  29: 'X25519',
  4588: 'X25519MLKEM768',
}

export const PROCESS_OPTIONS: { readonly [Name in keyof ProcessOptions]: OptionDefinition<ProcessOptions[Name]> } = {
  kubeconfig: textOption({ flag: 'kubeconfig', env: 'KUBECONFIG', fallback: '', help: 'kubeconfig file' }),
  logLevel: choiceOption({
    flag: 'log-level',
    choices: LOG_LEVELS,
    fallback: 'info',
    help: 'least severe line logged',
  }),
  metricsPort: integerOption({
    flag: 'port',
    fallback: 9120,
    min: 0,
    max: 65_535,
    help: 'port of /metrics, 0 for none',
  }),
  metricsAreOpen: booleanOption({
    flag: 'metrics-plain-http',
    help: 'metrics in plain HTTP and for everybody, in place of HTTPS and whom the API server admits',
  }),
  metricsCertificateFolder: textOption({
    flag: 'metrics-cert-dir',
    fallback: '',
    help: 'folder of tls.crt and tls.key for /metrics',
  }),
  tlsMinVersion: choiceOption({
    flag: 'tls-min-version',
    choices: TLS_VERSIONS,
    fallback: 'VersionTLS13',
    help: 'oldest TLS version accepted',
  }),
  tlsCipherSuites: listOption({ flag: 'tls-cipher-suites', help: 'cipher suites of TLS 1.2, by IANA name', read: ok }),
  tlsCurves: listOption({ flag: 'tls-curve-preferences', help: 'curves, by IANA number', read: curve }),
  healthPort: integerOption({
    flag: 'health-probe-port',
    fallback: 17_472,
    min: 0,
    max: 65_535,
    help: 'port of /healthz and /readyz, 0 for a free one',
  }),
  loadBalancerClass: textOption({ flag: 'lb-class', fallback: '', help: 'the only loadBalancerClass handled' }),
  namespace: textOption({
    flag: 'namespace',
    env: 'METALLB_NAMESPACE',
    fallback: '',
    help: 'namespace of the custom resources; empty means that of the service account',
  }),
  podName: textOption({
    flag: 'pod-name',
    env: 'METALLB_POD_NAME',
    fallback: '',
    help: 'pod that owns the objects written',
  }),
}

/** Reads the options of one process, as `readOptions` does. Those without meaning are accepted, and told when given. */
export function readProcessOptions<Definitions extends OptionDefinitions & typeof PROCESS_OPTIONS>(
  { definitions, withoutMeaning }: ProcessOptionsInit<Definitions>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<OptionValues<Definitions> & { readonly withoutMeaning: readonly string[] }, OptionProblem> {
  const read = readOptions<OptionDefinitions>({ ...definitions, ...withoutMeaning }, argv, env)
  if (!read.ok) return read
  const given = Object.entries(withoutMeaning).filter(([name]) => read.value[name] !== '')
  const values = Object.fromEntries(Object.keys(definitions).map(name => [name, read.value[name]]))
  const options = values as OptionValues<Definitions>
  const conflict = tlsConflict(options as ProcessOptions)
  if (conflict !== undefined) return failed(conflict)
  return ok({ ...options, withoutMeaning: given.map(([, { flag, env }]) => env ?? `--${flag}`) })
}

export interface ProcessOptionsInit<Definitions> {
  readonly definitions: Definitions
  /** Of MetalLB's. */
  readonly withoutMeaning: Readonly<Record<string, OptionDefinition<string>>>
}

/** An option of MetalLB's that means nothing here. */
export function meaninglessOption(flag: string, env?: string): OptionDefinition<string> {
  const help = 'accepted for MetalLB’s manifests, means nothing'
  return textOption({ flag, ...(env !== undefined && { env }), fallback: '', help })
}

/** What was said of TLS and cannot be had together. */
function tlsConflict({
  tlsMinVersion,
  tlsCipherSuites,
}: Pick<ProcessOptions, 'tlsMinVersion' | 'tlsCipherSuites'>): OptionProblem | undefined {
  if (tlsMinVersion === 'VersionTLS12' || tlsCipherSuites.length === 0) return undefined
  return { code: 'bad-value', sentence: '--tls-cipher-suites: cannot be chosen with --tls-min-version=VersionTLS13' }
}

/** The same for the TLS of Node.js. */
export function tlsSettings({
  tlsMinVersion,
  tlsCipherSuites,
  tlsCurves,
}: Pick<ProcessOptions, 'tlsMinVersion' | 'tlsCipherSuites' | 'tlsCurves'>): TlsSettings {
  return {
    minVersion: tlsMinVersion === 'VersionTLS12' ? 'TLSv1.2' : 'TLSv1.3',
    ...(tlsCipherSuites.length > 0 && { ciphers: tlsCipherSuites.map(opensslName).join(':') }),
    ...(tlsCurves.length > 0 && { ecdhCurve: tlsCurves.join(':') }),
  }
}

export interface TlsSettings {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers?: string
  readonly ecdhCurve?: string
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` to OpenSSL. */
function opensslName(suite: string): string {
  if (!suite.includes('_WITH_')) return suite
  return suite
    .replace(/^TLS_/, '')
    .replace(/^RSA_WITH_/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace(/_CBC_(SHA\d*)$/, '_$1')
    .replace(/CHACHA20_POLY1305_SHA256$/, 'CHACHA20_POLY1305')
    .replaceAll('_', '-')
}

/** A comma-separated list without repetition. */
function listOption({
  flag,
  help,
  read,
}: {
  readonly flag: string
  readonly help: string
  readonly read: (item: string) => Result<string, string>
}): OptionDefinition<readonly string[]> {
  return {
    flag,
    help,
    fallback: [],
    mayStandAlone: false,
    read: text => {
      const items: string[] = []
      for (const item of text === '' ? [] : text.split(',')) {
        const value = read(item.trim())
        if (!value.ok) return value
        if (items.includes(value.value)) return failed(`names ${item.trim()} twice`)
        items.push(value.value)
      }
      return ok(items)
    },
  }
}

function curve(number: string): Result<string, string> {
  const name = CURVES[number]
  return name === undefined ? failed(`must be numbers of curves: ${Object.keys(CURVES).join(', ')}`) : ok(name)
}
