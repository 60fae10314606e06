/** The configuration that a ConfigMap held before MetalLB 0.13, under `data.config`. */
export interface OldConfig {
  readonly peers?: readonly OldPeer[]
  readonly 'bgp-communities'?: Readonly<Record<string, string>>
  readonly 'address-pools'?: readonly OldPool[]
  readonly 'bfd-profiles'?: readonly OldBfdProfile[]
}

export interface OldPeer {
  readonly 'my-asn'?: number
  readonly 'peer-asn'?: number
  readonly 'peer-address'?: string
  readonly 'source-address'?: string
  readonly 'peer-port'?: number
  readonly 'hold-time'?: string
  readonly 'keepalive-time'?: string
  readonly 'router-id'?: string
  readonly 'node-selectors'?: readonly OldNodeSelector[]
  readonly password?: string
  readonly 'bfd-profile'?: string
  readonly 'ebgp-multihop'?: boolean
}

export interface OldNodeSelector {
  readonly 'match-labels'?: Readonly<Record<string, string>>
  readonly 'match-expressions'?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export interface OldPool {
  readonly protocol?: string
  readonly name?: string
  readonly addresses?: readonly string[]
  readonly 'auto-assign'?: boolean
  readonly 'avoid-buggy-ips'?: boolean
  readonly 'bgp-advertisements'?: readonly OldAdvertisement[]
}

export interface OldAdvertisement {
  readonly 'aggregation-length'?: number
  readonly 'aggregation-length-v6'?: number
  readonly localpref?: number
  readonly communities?: readonly string[]
}

export interface OldBfdProfile {
  readonly name?: string
  readonly 'receive-interval'?: number
  readonly 'transmit-interval'?: number
  readonly 'detect-multiplier'?: number
  readonly 'echo-interval'?: number
  readonly 'echo-mode'?: boolean
  readonly 'passive-mode'?: boolean
  readonly 'minimum-ttl'?: number
}

/** Keys by section: what is not among them was a typing error, then as now. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['peers', 'bgp-communities', 'address-pools', 'bfd-profiles'],
  peers: [
    'my-asn',
    'peer-asn',
    'peer-address',
    'source-address',
    'peer-port',
    'hold-time',
    'keepalive-time',
    'router-id',
    'node-selectors',
    'password',
    'bfd-profile',
    'ebgp-multihop',
  ],
  'address-pools': ['protocol', 'name', 'addresses', 'auto-assign', 'avoid-buggy-ips', 'bgp-advertisements'],
  'bfd-profiles': [
    'name',
    'receive-interval',
    'transmit-interval',
    'detect-multiplier',
    'echo-interval',
    'echo-mode',
    'passive-mode',
    'minimum-ttl',
  ],
  'bgp-advertisements': ['aggregation-length', 'aggregation-length-v6', 'localpref', 'communities'],
}
