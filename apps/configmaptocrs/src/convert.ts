import type { KubeObject } from '@metallb-ts/api'
import { failed, ok, type Result } from '@metallb-ts/runtime'
import { durationText } from './duration-text.ts'
import { kubernetesName } from './names.ts'
import type { OldAdvertisement, OldBfdProfile, OldConfig, OldPeer, OldPool } from './sections.ts'

/** A custom resource, ready to be written. */
export interface Resource extends KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: Readonly<Record<string, unknown>>
}

/** The resources that mean the same, in MetalLB's order and with its names; or everything that cannot be said. */
export function convert(config: OldConfig, namespace: string): Result<readonly Resource[], readonly string[]> {
  const problems: string[] = []
  const named = (kind: string, name: string): string => {
    const read = kubernetesName(kind, name)
    if (read.ok) return read.value
    problems.push(read.error)
    return name
  }
  const resource = (kind: string, version: string, name: string, spec: object): Resource => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace },
    spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)),
  })
  const peers = (config.peers ?? []).map((peer, i) => {
    const spec = peerSpec(
      peer,
      name => named('BFD profile', name),
      problem => problems.push(`peer #${i + 1}: ${problem}`),
    )
    return resource('BGPPeer', 'v1beta2', `peer${i + 1}`, spec)
  })
  const oldPools = (config['address-pools'] ?? []).map(pool => ({ ...pool, name: named('pool', pool.name ?? '') }))
  const pools = oldPools.map(pool => resource('IPAddressPool', 'v1beta1', pool.name, poolSpec(pool)))
  const bgp = oldPools
    .flatMap(bgpSpecs)
    .map((spec, i) => resource('BGPAdvertisement', 'v1beta1', `bgpadvertisement${i + 1}`, spec))
  const layer2 = oldPools
    .filter(({ protocol }) => protocol === 'layer2')
    .map(({ name }, i) => resource('L2Advertisement', 'v1beta1', `l2advertisement${i + 1}`, { ipAddressPools: [name] }))
  for (const { name, protocol } of oldPools) {
    if (protocol !== 'layer2' && protocol !== 'bgp')
      problems.push(
        `pool ${name}: protocol "${protocol ?? ''}" is neither layer2 nor bgp, so nothing would announce it`,
      )
  }
  const profiles = (config['bfd-profiles'] ?? []).map(profile =>
    resource('BFDProfile', 'v1beta1', named('BFD profile', profile.name ?? ''), profileSpec(profile)),
  )
  const aliases = Object.entries(config['bgp-communities'] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const communities =
    aliases.length === 0
      ? []
      : [
          resource('Community', 'v1beta1', 'communities', {
            communities: aliases.map(([name, value]) => ({ name, value })),
          }),
        ]
  if (problems.length > 0) return failed(problems)
  return ok([...peers, ...pools, ...bgp, ...layer2, ...profiles, ...communities])
}

const DEFAULT_HOLD = '90s'

function peerSpec(peer: OldPeer, named: (profile: string) => string, fault: (problem: string) => void): object {
  const time = (field: 'hold-time' | 'keepalive-time', text: string): string | undefined => {
    const read = durationText(text)
    if (!read.ok) fault(`${field}: ${read.error}`)
    else if (field === 'hold-time' && read.value.seconds > 0 && read.value.seconds < 3)
      fault(`invalid hold time "${text}": must be 0 or >=3s`)
    else return read.value.text
    return undefined
  }
  const { 'keepalive-time': keepalive, 'node-selectors': selectors, 'bfd-profile': profile } = peer
  return {
    myASN: peer['my-asn'],
    peerASN: peer['peer-asn'],
    peerAddress: peer['peer-address'],
    sourceAddress: peer['source-address'],
    peerPort: peer['peer-port'],
    holdTime: time('hold-time', peer['hold-time'] ?? DEFAULT_HOLD),
    keepaliveTime: keepalive === undefined ? undefined : time('keepalive-time', keepalive),
    routerID: peer['router-id'],
    nodeSelectors: selectors?.map(selector => ({
      ...(selector['match-labels'] && { matchLabels: selector['match-labels'] }),
      ...(selector['match-expressions'] && { matchExpressions: selector['match-expressions'] }),
    })),
    password: peer.password,
    bfdProfile: profile === undefined ? undefined : named(profile),
    ebgpMultiHop: peer['ebgp-multihop'],
  }
}

function poolSpec(pool: OldPool): object {
  return {
    addresses: pool.addresses ?? [],
    autoAssign: pool['auto-assign'],
    avoidBuggyIPs: pool['avoid-buggy-ips'] === true ? true : undefined,
  }
}

/** One for each entry, whatever the protocol; a pool for BGP without any gets one that says only its name. */
function bgpSpecs({ name, protocol, 'bgp-advertisements': entries = [] }: OldPool): readonly object[] {
  if (entries.length === 0) return protocol === 'bgp' ? [{ ipAddressPools: [name] }] : []
  return entries.map((entry: OldAdvertisement) => ({
    aggregationLength: entry['aggregation-length'],
    aggregationLengthV6: entry['aggregation-length-v6'],
    localPref: entry.localpref,
    communities: entry.communities,
    ipAddressPools: [name],
  }))
}

function profileSpec(profile: OldBfdProfile): object {
  return {
    receiveInterval: profile['receive-interval'],
    transmitInterval: profile['transmit-interval'],
    detectMultiplier: profile['detect-multiplier'],
    echoInterval: profile['echo-interval'],
    echoMode: profile['echo-mode'] ?? false,
    passiveMode: profile['passive-mode'] ?? false,
    minimumTtl: profile['minimum-ttl'],
  }
}
