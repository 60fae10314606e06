import type { Condition, KubeObject, LabelSelector } from './kubernetes.ts'

export const GROUP = 'metallb.io'

export interface IPAddressPool extends KubeObject {
  readonly spec: {
    readonly addresses: readonly string[]
    /** @default true */
    readonly autoAssign?: boolean
    /** @default false */
    readonly avoidBuggyIPs?: boolean
    readonly serviceAllocation?: ServiceAllocation
  }
  readonly status?: PoolCounters
}

export interface ServiceAllocation {
  /** Lower positive numbers first; 0 and absent last. */
  readonly priority?: number
  readonly namespaces?: readonly string[]
  readonly namespaceSelectors?: readonly LabelSelector[]
  readonly serviceSelectors?: readonly LabelSelector[]
}

export interface PoolCounters {
  readonly assignedIPv4: number
  readonly assignedIPv6: number
  readonly availableIPv4: number
  readonly availableIPv6: number
}

interface PoolSelection {
  readonly ipAddressPools?: readonly string[]
  readonly ipAddressPoolSelectors?: readonly LabelSelector[]
}

export interface L2Advertisement extends KubeObject {
  readonly spec?: PoolSelection & {
    readonly nodeSelectors?: readonly LabelSelector[]
    readonly interfaces?: readonly string[]
    readonly serviceSelectors?: readonly LabelSelector[]
    readonly preferredNodeSelectors?: readonly { readonly weight: number; readonly preference: LabelSelector }[]
  }
}

export interface BGPAdvertisement extends KubeObject {
  readonly spec?: PoolSelection & {
    /** @default 32 */
    readonly aggregationLength?: number
    /** @default 128 */
    readonly aggregationLengthV6?: number
    readonly localPref?: number
    readonly communities?: readonly string[]
    readonly nodeSelectors?: readonly LabelSelector[]
    /** Names of BGPPeer objects; empty means every peer. */
    readonly peers?: readonly string[]
    readonly serviceSelectors?: readonly LabelSelector[]
  }
}

/** The stored version, v1beta2. */
export interface BGPPeer extends KubeObject {
  readonly spec: {
    readonly myASN: number
    readonly peerASN?: number
    readonly dynamicASN?: string
    readonly localASN?: number
    readonly peerAddress?: string
    readonly interface?: string
    readonly sourceAddress?: string
    /** @default 179 */
    readonly peerPort?: number
    /** A Go duration: `90s`. */
    readonly holdTime?: string
    readonly keepaliveTime?: string
    readonly connectTime?: string
    readonly routerID?: string
    readonly nodeSelectors?: readonly LabelSelector[]
    readonly password?: string
    readonly passwordSecret?: { readonly name?: string; readonly namespace?: string }
    readonly bfdProfile?: string
    readonly enableGracefulRestart?: boolean
    readonly ebgpMultiHop?: boolean
    readonly vrf?: string
    readonly disableMP?: boolean
    readonly dualStackAddressFamily?: boolean
  }
}

export interface BFDProfile extends KubeObject {
  readonly spec?: {
    readonly receiveInterval?: number
    readonly transmitInterval?: number
    readonly detectMultiplier?: number
    readonly echoInterval?: number
    readonly echoMode?: boolean
    readonly passiveMode?: boolean
    readonly minimumTtl?: number
  }
}

export interface Community extends KubeObject {
  readonly spec?: { readonly communities?: readonly { readonly name?: string; readonly value?: string }[] }
}

export interface ServiceL2Status extends KubeObject {
  readonly status?: {
    readonly node?: string
    readonly serviceName?: string
    readonly serviceNamespace?: string
    readonly interfaces?: readonly { readonly name: string }[]
  }
}

export interface ServiceBGPStatus extends KubeObject {
  readonly status?: {
    readonly node?: string
    readonly serviceName?: string
    readonly serviceNamespace?: string
    readonly peers?: readonly string[]
  }
}

/** One BGP session of one node. The first five fields are those of FRR-K8s' resource of this name. */
export interface BGPSessionState extends KubeObject {
  readonly status?: {
    readonly bgpStatus?: string
    readonly bfdStatus?: string
    /** Where the path is not up: what its detector saw last. */
    readonly bfdSeen?: string
    readonly node?: string
    /** Name of the BGPPeer. */
    readonly peer?: string
    readonly vrf?: string
    readonly address?: string
    readonly interface?: string
    readonly since?: string
    readonly lastError?: string
    readonly negotiated?: {
      readonly peerASN: number
      readonly peerRouterID: string
      readonly kind: 'internal' | 'external'
      readonly holdTimeSeconds: number
      readonly keepaliveTimeSeconds: number
      readonly families: readonly string[]
      readonly gracefulRestart: boolean
    }
    readonly prefixes?: {
      readonly desired: number
      readonly advertised: number
      readonly heldBack?: readonly string[]
    }
  }
}

export interface ConfigurationState extends KubeObject {
  readonly status?: {
    readonly result?: 'Valid' | 'Invalid' | 'Unknown'
    readonly errorSummary?: string
    readonly conditions?: readonly Condition[]
  }
}
