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

/** Every choice the speaker's user has, read once: nothing else in the process looks at flags or environment. */
export interface SpeakerOptions extends ProcessOptions {
  readonly nodeName: string
  readonly ignoreExcludeLabel: boolean
  /** Address heartbeats are sent from; empty turns membership off. */
  readonly memberBindAddress: string
  readonly memberBindPort: number
  /** Label selector of the speakers' pods; empty turns membership off. */
  readonly memberLabels: string
  /** Folder that holds `secretkey`. */
  readonly memberSecretPath: string
  readonly memberProfile: MemberProfile
  /** File of MetalLB's settings of memberlist, which outweighs the profile; where there is none it does not. */
  readonly memberConfigFile: string
  /** How addresses spread over nodes at layer 2: equal on every node. */
  readonly election: ElectionName
  /** How much of its equal share, in percent, a node may own: with `bounded` and `sticky`. */
  readonly electionSlackPercent: number
  /** How long a node must have been back before it takes an address from its owner; 0 for not at all. */
  readonly holdDownSeconds: number
  readonly avoidCordoned: boolean
  /** How ARP and NDP frames are read. */
  readonly l2Backend: 'packet' | 'cap'
  /** Whether the network is asked for an address before it is announced for the first time. */
  readonly guard: boolean
  /** File with the expressions of interfaces never used. */
  readonly excludedInterfacesFile: string
  readonly bgpPort: number
  /** Between the mark on a drained node's routes and their withdrawal. */
  readonly drainSeconds: number
  /** Settings of MetalLB's that were given and mean nothing here. */
  readonly withoutMeaning: readonly string[]
}

export type ElectionName = (typeof ELECTIONS)[number]
export type MemberProfile = (typeof MEMBER_PROFILES)[number]

/** @returns the options, or the one line to print before exit code 2 */
export function readSpeakerOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<SpeakerOptions, OptionProblem> {
  const read = readProcessOptions({ definitions: OPTIONS, withoutMeaning: WITHOUT_MEANING }, argv, env)
  if (!read.ok) return read
  const { wanPreset, memberProfile, ...rest } = read.value
  return ok({ ...rest, memberProfile: wanPreset ? 'safe' : memberProfile })
}

export function speakerHelp(): string {
  return `speaker: announces LoadBalancer addresses from this node\n\n${optionsHelp(OPTIONS)}\n`
}

const ELECTIONS = ['metallb', 'bounded', 'sticky'] as const
const MEMBER_PROFILES = ['fast', 'balanced', 'safe'] as const

const OPTIONS = {
  ...PROCESS_OPTIONS,
  nodeName: textOption({ flag: 'node-name', env: 'METALLB_NODE_NAME', help: 'name of the Node this speaker runs on' }),
  ignoreExcludeLabel: booleanOption({
    flag: 'ignore-exclude-lb',
    help: 'announce also from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers',
  }),
  memberBindAddress: textOption({
    flag: 'ml-bindaddr',
    env: 'METALLB_ML_BIND_ADDR',
    fallback: '',
    help: 'address of the heartbeats; empty turns membership off',
  }),
  memberBindPort: integerOption({
    flag: 'ml-bindport',
    env: 'METALLB_ML_BIND_PORT',
    fallback: 7946,
    min: 1,
    max: 65_535,
    help: 'port of the heartbeats',
  }),
  memberLabels: textOption({
    flag: 'ml-labels',
    env: 'METALLB_ML_LABELS',
    fallback: '',
    help: 'labels of the speakers’ pods; empty turns membership off',
  }),
  memberSecretPath: textOption({
    flag: 'ml-secret-key-path',
    env: 'METALLB_ML_SECRET_KEY_PATH',
    fallback: '',
    help: 'folder of the file secretkey, which authenticates heartbeats',
  }),
  memberProfile: choiceOption({
    flag: 'member-profile',
    env: 'METALLB_TS_MEMBER_PROFILE',
    choices: MEMBER_PROFILES,
    fallback: 'fast',
    help: 'how soon a silent node is given up',
  }),
  wanPreset: booleanOption({ flag: 'ml-wan-config', help: 'the profile for far-apart nodes, as safe' }),
  memberConfigFile: textOption({
    flag: 'ml-config-file',
    fallback: '/etc/metallb/memberlist/config.json',
    help: 'MetalLB’s settings of memberlist; those that say how patient it is count here',
  }),
  election: choiceOption({
    flag: 'l2-election',
    env: 'METALLB_TS_L2_ELECTION',
    choices: ELECTIONS,
    fallback: 'metallb',
    help: 'how addresses spread over nodes, the same on every node: in MetalLB’s order, with a bound for each node, or staying where they are',
  }),
  electionSlackPercent: integerOption({
    flag: 'l2-election-slack',
    env: 'METALLB_TS_L2_ELECTION_SLACK',
    fallback: 125,
    min: 100,
    max: 1_000,
    help: 'percent of its equal share that a node may own, with bounded and sticky',
  }),
  holdDownSeconds: integerOption({
    flag: 'l2-hold-down',
    env: 'METALLB_TS_L2_HOLD_DOWN',
    fallback: 0,
    min: 0,
    max: 3_600,
    help: 'seconds for which a node that came back takes nothing from an owner',
  }),
  avoidCordoned: booleanOption({
    flag: 'l2-avoid-cordoned',
    env: 'METALLB_TS_L2_AVOID_CORDONED',
    help: 'a cordoned node owns no address at layer 2',
  }),
  l2Backend: choiceOption({
    flag: 'l2-backend',
    env: 'METALLB_TS_L2_BACKEND',
    choices: ['packet', 'cap'],
    fallback: 'packet',
    help: 'how ARP and NDP are read: from packet sockets, or through libpcap in a process for each interface',
  }),
  guard: booleanOption({
    flag: 'l2-guard',
    env: 'METALLB_TS_L2_GUARD',
    help: 'ask the network whether somebody has an address before its first announcement, and do not announce what is taken',
  }),
  excludedInterfacesFile: textOption({
    flag: 'exclude-interfaces-file',
    fallback: '/etc/metallb/excludel2.yaml',
    help: 'file with the expressions of interfaces never used',
  }),
  bgpPort: integerOption({
    flag: 'bgp-listen-port',
    fallback: 0,
    min: 0,
    max: 65_535,
    help: 'port on which routers may open sessions, 0 for none',
  }),
  drainSeconds: integerOption({
    flag: 'drain-seconds',
    fallback: 10,
    min: 0,
    max: 3_600,
    help: 'for which routes of a drained node are marked before they are withdrawn',
  }),
}

const WITHOUT_MEANING = {
  bgpType: meaninglessOption('bgp-type', 'METALLB_BGP_TYPE'),
  host: meaninglessOption('host', 'METALLB_HOST'),
  frrNamespace: meaninglessOption('frrk8s-namespace', 'FRRK8S_NAMESPACE'),
  frrSecrets: { ...meaninglessOption('frrk8s-secret-passthrough'), mayStandAlone: true },
  bgpDebounce: meaninglessOption('bgp-debounce-timeout', 'METALLB_BGP_DEBOUNCE_TIMEOUT'),
  profiling: meaninglessOption('pprof-bind-address'),
}
