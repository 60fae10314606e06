import {
  booleanOption,
  choiceOption,
  failed,
  integerOption,
  LOG_LEVELS,
  ok,
  optionsHelp,
  readOptions,
  textOption,
  type LogLevel,
  type OptionDefinition,
  type OptionProblem,
  type Result,
} from '@metallb-ts/runtime'

/** Every choice the controller's user has, read once: nothing else in the process looks at flags or environment. */
export interface ControllerOptions {
  /** Where the custom resources live; empty means the service account's. */
  readonly namespace: string
  /** A kubeconfig file; empty means the pod's service account. */
  readonly kubeconfig: string
  /** This pod, owner of the ConfigurationState; empty outside a pod. */
  readonly podName: string
  readonly logLevel: LogLevel
  /** 0 turns metrics off. */
  readonly metricsPort: number
  /** 0 picks a free one. */
  readonly healthPort: number
  readonly loadBalancerClass: string
  /** Secret to create for the speakers' heartbeats; empty means none. */
  readonly memberSecretName: string
  /** Deployment that owns the secret. */
  readonly deployment: string
  readonly webhookMode: WebhookMode
  readonly certificateRotation: boolean
  readonly certificateFolder: string
  readonly certificateServiceName: string
  readonly webhookSecret: string
  readonly webhookHttp2: boolean
  readonly tlsMinVersion: TlsVersion
  readonly tlsCipherSuites: readonly string[]
  readonly tlsCurves: readonly string[]
  readonly metricsCertificateFolder: string
  /** Name of the Lease that decides which of several controllers acts; empty means that this one always does. */
  readonly lease: string
  /** Settings of MetalLB's that were given and mean nothing here. */
  readonly withoutMeaning: readonly string[]
}

export type WebhookMode = (typeof WEBHOOK_MODES)[number]
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** @returns the options, or the one line to print before exit code 2 */
export function readControllerOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<ControllerOptions, OptionProblem> {
  const read = readOptions({ ...OPTIONS, ...WITHOUT_MEANING }, argv, env)
  if (!read.ok) return read
  const { certificatesAreBrought, bgpType, profiling, ...rest } = read.value
  if (rest.tlsMinVersion === 'VersionTLS13' && rest.tlsCipherSuites.length > 0) {
    return failed({
      code: 'bad-value',
      sentence: '--tls-cipher-suites: cannot be chosen with --tls-min-version=VersionTLS13',
    })
  }
  const given = { bgpType, profiling }
  const withoutMeaning = Object.entries(WITHOUT_MEANING).filter(([name]) => given[name as keyof typeof given] !== '')
  return ok({
    ...rest,
    certificateRotation: !certificatesAreBrought,
    withoutMeaning: withoutMeaning.map(([, { flag, env }]) => env ?? `--${flag}`),
  })
}

export function controllerHelp(): string {
  return `controller: gives LoadBalancer Services their addresses\n\n${optionsHelp(OPTIONS)}\n`
}

const WEBHOOK_MODES = ['enabled', 'disabled', 'onlywebhook'] as const
const TLS_VERSIONS = ['VersionTLS12', 'VersionTLS13'] as const

/** Go's CurveIDs, by the numbers MetalLB takes, as Node names them. */
const CURVES: Readonly<Record<string, string>> = {
  23: 'P-256',
  24: 'P-384',
  25: 'P-521',
  29: 'X25519',
  4588: 'X25519MLKEM768',
}

const OPTIONS = {
  namespace: textOption({
    flag: 'namespace',
    env: 'METALLB_NAMESPACE',
    fallback: '',
    help: 'namespace of the custom resources; empty means that of the service account',
  }),
  kubeconfig: textOption({ flag: 'kubeconfig', env: 'KUBECONFIG', fallback: '', help: 'kubeconfig file' }),
  podName: textOption({
    flag: 'pod-name',
    env: 'METALLB_POD_NAME',
    fallback: '',
    help: 'pod that owns the ConfigurationState',
  }),
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
  healthPort: integerOption({
    flag: 'health-probe-port',
    fallback: 17_472,
    min: 0,
    max: 65_535,
    help: 'port of /healthz and /readyz, 0 for a free one',
  }),
  loadBalancerClass: textOption({ flag: 'lb-class', fallback: '', help: 'the only loadBalancerClass handled' }),
  memberSecretName: textOption({
    flag: 'ml-secret-name',
    env: 'METALLB_ML_SECRET_NAME',
    fallback: '',
    help: 'secret to create for the speakers, where it does not exist',
  }),
  deployment: textOption({
    flag: 'deployment',
    env: 'METALLB_DEPLOYMENT',
    fallback: '',
    help: 'Deployment that owns the secret',
  }),
  webhookMode: choiceOption({
    flag: 'webhook-mode',
    choices: WEBHOOK_MODES,
    fallback: 'enabled',
    help: 'whether webhooks are served, or nothing but them',
  }),
  certificatesAreBrought: booleanOption({
    flag: 'disable-cert-rotation',
    help: 'the operator provides the certificates',
  }),
  certificateFolder: textOption({ flag: 'cert-dir', fallback: '', help: 'folder of tls.crt and tls.key for webhooks' }),
  certificateServiceName: textOption({
    flag: 'cert-service-name',
    fallback: 'metallb-webhook-service',
    help: 'Service that the webhook certificate names',
  }),
  webhookSecret: textOption({
    flag: 'webhook-secret',
    fallback: 'metallb-webhook-cert',
    help: 'secret that holds the webhook certificate',
  }),
  webhookHttp2: booleanOption({ flag: 'webhook-http2', help: 'HTTP/2 for webhooks too' }),
  tlsMinVersion: choiceOption({
    flag: 'tls-min-version',
    choices: TLS_VERSIONS,
    fallback: 'VersionTLS13',
    help: 'oldest TLS version accepted',
  }),
  tlsCipherSuites: listOption({ flag: 'tls-cipher-suites', help: 'cipher suites of TLS 1.2, by IANA name', read: ok }),
  tlsCurves: listOption({ flag: 'tls-curve-preferences', help: 'curves, by IANA number', read: curve }),
  metricsCertificateFolder: textOption({
    flag: 'metrics-cert-dir',
    fallback: '',
    help: 'folder of tls.crt and tls.key for /metrics',
  }),
  lease: textOption({
    flag: 'lease',
    env: 'METALLB_TS_LEASE',
    fallback: '',
    help: 'Lease that decides which of several controllers acts; empty for one alone',
  }),
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

const meaningless = (flag: string, env?: string): OptionDefinition<string> =>
  textOption({
    flag,
    ...(env !== undefined && { env }),
    fallback: '',
    help: 'accepted for MetalLB’s manifests, means nothing',
  })

const WITHOUT_MEANING = {
  bgpType: meaningless('bgp-type', 'METALLB_BGP_TYPE'),
  profiling: meaningless('pprof-bind-address'),
}
