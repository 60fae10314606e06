import type { Ineligibility } from '@metallb-ts/l2-announcer'
import type { ObjectName } from './problem.ts'

/** Why a Service, or an address of it, is not announced from this node, and the objects that say so. */
export interface Silence {
  readonly protocol: 'any' | 'layer2' | 'bgp'
  readonly code: SilenceCode
  /** The objects to look at, or to change. */
  readonly objects: readonly ObjectName[]
  readonly facts?: Readonly<Record<string, string>>
}

export type SilenceCode =
  | 'not-a-load-balancer'
  | 'other-class'
  | 'no-address'
  | 'invalid-address'
  | 'address-in-no-pool'
  | 'no-advertisement'
  | 'service-not-selected'
  | 'node-not-selected'
  | 'shared-address-with-selectors'
  | 'no-endpoint'
  | 'no-local-endpoint'
  | 'another-node-owns'
  | 'owner-undecided'
  | 'no-eligible-node'
  | 'no-such-interface'
  | 'local-preference-conflict'
  | 'network-unavailable'
  | 'node-excluded'
  | 'no-peer'
  | 'family-not-carried'
  | 'session-starting'
  | 'session-down'
  | 'not-told'
  | 'not-answering'
  | 'node-draining'

/** One sentence that names the object to change. */
export function explainSilence({ protocol, code, objects, facts = {} }: Silence): string {
  const names = objects.map(({ kind, name }) => `${kind} ${name}`).join(', ')
  const kind = protocol === 'layer2' ? 'L2Advertisement' : 'BGPAdvertisement'
  switch (code) {
    case 'not-a-load-balancer':
      return 'the Service is not of type LoadBalancer'
    case 'other-class':
      return `its loadBalancerClass ${facts['class'] ?? ''} is not ours`
    case 'no-address':
      return 'it has no address yet'
    case 'invalid-address':
      return `its status names ${facts['address'] ?? 'something'} which is no address`
    case 'address-in-no-pool':
      return `no IPAddressPool holds ${facts['address'] ?? 'its address'}`
    case 'no-advertisement':
      return `no ${kind} selects ${names}`
    case 'service-not-selected':
      return `the serviceSelectors of ${names} do not match the Service`
    case 'node-not-selected':
      return `the nodeSelectors of ${names} do not match node ${facts['node'] ?? ''}`
    case 'shared-address-with-selectors':
      return `it shares its address, and ${names} has serviceSelectors: both do not go together`
    case 'no-endpoint':
      return 'no endpoint is able to serve'
    case 'no-local-endpoint':
      return `externalTrafficPolicy is Local, and node ${facts['node'] ?? ''} has no endpoint able to serve`
    case 'another-node-owns':
      return `node ${facts['owner'] ?? ''} owns the address`
    case 'owner-undecided':
      return 'its owner is being elected'
    case 'no-eligible-node':
      return `no node may own the address: ${facts['why'] ?? 'there is none'}`
    case 'no-such-interface':
      return `the interfaces of ${names} (${facts['interfaces'] ?? ''}) do not exist on node ${facts['node'] ?? ''}`
    case 'local-preference-conflict':
      return `${names} give one prefix different localPref`
    case 'network-unavailable':
      return `the network of node ${facts['node'] ?? ''} is unavailable`
    case 'node-excluded':
      return `node ${facts['node'] ?? ''} carries the label node.kubernetes.io/exclude-from-external-load-balancers`
    case 'no-peer':
      return `node ${facts['node'] ?? ''} has no BGPPeer that ${names} means${facts['why'] === undefined ? '' : `: ${facts['why']}`}`
    case 'family-not-carried':
      return `no session of node ${facts['node'] ?? ''} carries ${facts['family'] ?? ''}, see ${names}`
    case 'session-starting':
      return `the session of ${names} on node ${facts['node'] ?? ''} is about to begin`
    case 'session-down':
      return `the session of ${names} with ${facts['router'] ?? ''} on node ${facts['node'] ?? ''} is down: ${facts['why'] ?? ''}`
    case 'not-told':
      return `${names} was not told by node ${facts['node'] ?? ''}: ${facts['why'] ?? ''}`
    case 'not-answering':
      return `node ${facts['node'] ?? ''} owns the address and answers on no interface: ${facts['why'] ?? ''}`
    case 'node-draining':
      return `node ${facts['node'] ?? ''} is being drained`
  }
}

/** Why a node may not own an address, in words. */
export function explainIneligibility(reason: Ineligibility): string {
  return INELIGIBILITY_WORDS[reason]
}

const INELIGIBILITY_WORDS: Readonly<Record<Ineligibility, string>> = {
  'not-a-member': 'not heard from',
  leaving: 'leaving',
  'network-unavailable': 'network unavailable',
  'excluded-by-label': 'excluded by its label',
  cordoned: 'cordoned',
  'no-matching-advertisement': 'no advertisement selects it',
  'no-usable-endpoint': 'no endpoint able to serve on it',
  'no-usable-interface': 'no usable interface',
  'held-down': 'back for too short a time',
  'at-capacity': 'it owns its share already',
}
