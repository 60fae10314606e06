import {
  booleanOption,
  choiceOption,
  integerOption,
  meaninglessOption,
  ok,
  optionsHelp,
  PROCESS_OPTIONS,
  readProcessOptions,
  textOption,
  type OptionProblem,
  type ProcessOptions,
  type Result,
} from '@metallb-ts/runtime'

/** Every choice the controller's user has, read once: nothing else in the process looks at flags or environment. */
export interface ControllerOptions extends ProcessOptions {
  /** Secret to create for the speakers' heartbeats; empty means none. */
  readonly memberSecretName: string
  /** Deployment that owns the secret. */
  readonly deployment: string
  readonly webhookMode: WebhookMode
  /** Whether the definition of BGPPeers has them converted here; with webhooks only. */
  readonly convertsPeers: boolean
  readonly certificateRotation: boolean
  readonly certificateFolder: string
  readonly certificateServiceName: string
  readonly webhookSecret: string
  readonly webhookPort: number
  /** Name of the Lease that decides which of several controllers acts; empty means that this one always does. */
  readonly lease: string
  /** Whether speakers tell of addresses that strangers have. */
  readonly guard: boolean
  /** Settings of MetalLB's that were given and mean nothing here. */
  readonly withoutMeaning: readonly string[]
}

export type WebhookMode = (typeof WEBHOOK_MODES)[number]

/** @returns the options, or the one line to print before exit code 2 */
export function readControllerOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<ControllerOptions, OptionProblem> {
  const read = readProcessOptions({ definitions: OPTIONS, withoutMeaning: WITHOUT_MEANING }, argv, env)
  if (!read.ok) return read
  const { certificatesAreBrought, ...rest } = read.value
  return ok({ ...rest, certificateRotation: !certificatesAreBrought })
}

export function controllerHelp(): string {
  return `controller: gives LoadBalancer Services their addresses\n\n${optionsHelp(OPTIONS)}\n`
}

const WEBHOOK_MODES = ['enabled', 'disabled', 'onlywebhook'] as const

const OPTIONS = {
  ...PROCESS_OPTIONS,
  guard: booleanOption({
    flag: 'l2-guard',
    env: 'METALLB_TS_L2_GUARD',
    help: 'give nobody an address that speakers with the same flag find to be a stranger’s',
  }),
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
    fallback: 'disabled',
    help: 'whether webhooks are served, or nothing but them',
  }),
  convertsPeers: booleanOption({
    flag: 'conversion-webhook',
    help: 'tell the definition of BGPPeers whom to trust when it asks for their other version',
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
  webhookPort: integerOption({
    flag: 'webhook-port',
    fallback: 9443,
    min: 0,
    max: 65_535,
    help: 'port of the webhooks, 0 for a free one',
  }),
  lease: textOption({
    flag: 'lease',
    env: 'METALLB_TS_LEASE',
    fallback: '',
    help: 'Lease that decides which of several controllers acts; empty for one alone',
  }),
}

const WITHOUT_MEANING = {
  bgpType: meaninglessOption('bgp-type', 'METALLB_BGP_TYPE'),
  profiling: meaninglessOption('pprof-bind-address'),
  webhookHttp2: { ...meaninglessOption('webhook-http2'), mayStandAlone: true },
}
