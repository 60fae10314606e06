import {
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
  type Condition,
  type Service,
} from '@metallb-ts/api'
import { EVENTS, SERVICES, type KubeObject } from '@metallb-ts/k8s-watch'
import { BIRD_ASN, eventually, FRR_ASN, HOSTS, LAN, NODE_ASN, SYSTEM, type Lab } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startedLab } from './support.ts'

interface Case {
  readonly what: string
  readonly name: string
  /** Of the pool that is made for it. */
  readonly addresses?: readonly string[]
  readonly l2?: object
  readonly peer?: object
  readonly service?: Parameters<Lab['cluster']['service']>[2] & { readonly spec?: Record<string, unknown> }
  readonly says: readonly [type: 'AddressAssigned' | 'Announced', reason: string, message: RegExp]
  readonly event: RegExp
}

const selectsNothing = { nodeSelectors: [{ matchLabels: { rack: 'none' } }] }
const toFrr = { myASN: NODE_ASN, peerASN: FRR_ASN }
const from = (pool: string): object => ({ annotations: { 'metallb.io/address-pool': pool } })
const at = (address: string): object => ({ annotations: { 'metallb.io/loadBalancerIPs': address } })

/** The configurations of MetalLB's users that end in silence there, or in a word that is not true. */
const CASES: readonly Case[] = [
  {
    what: 'named pool exhausted',
    name: 'exhausted',
    addresses: [],
    service: from('pool-full'),
    says: ['AddressAssigned', 'NoAvailableAddresses', /pool-full/],
    event: /AllocationFailed .*no available IPs in pool pool-full/,
  },
  {
    what: 'unknown pool',
    name: 'unknown',
    addresses: [],
    service: from('gold'),
    says: ['AddressAssigned', 'UnknownPool', /gold/],
    event: /AllocationFailed .*unknown pool "gold"/,
  },
  {
    what: 'address in no pool',
    name: 'nowhere',
    addresses: [],
    service: at('10.65.0.9'),
    says: ['AddressAssigned', 'AddressNotInPools', /10\.65\.0\.9/],
    event: /AllocationFailed .*\["10\.65\.0\.9"\] is not allowed in config/,
  },
  {
    what: 'overlapping pools: who asks for the bad one is told',
    name: 'overlaps',
    addresses: ['198.51.100.0/30'],
    says: ['AddressAssigned', 'PoolMisconfigured', /pool-overlaps.*overlaps/],
    event: /AllocationFailed .*pool-overlaps/,
  },
  {
    what: 'invalid CIDR',
    name: 'invalid',
    addresses: ['10.64.0.0/33'],
    says: ['AddressAssigned', 'PoolMisconfigured', /pool-invalid.*invalid CIDR "10\.64\.0\.0\/33"/],
    event: /AllocationFailed .*pool-invalid/,
  },
  {
    what: 'an L2Advertisement that selects no node',
    name: 'no-node',
    l2: selectsNothing,
    says: ['Announced', 'NodeNotSelected', /the nodeSelectors of L2Advertisement ad-no-node do not match node n\d/],
    event: /announceFailed .*L2Advertisement ad-no-node/,
  },
  {
    what: 'no advertisement at all',
    name: 'no-ad',
    says: ['Announced', 'NoAdvertisement', /no L2Advertisement selects IPAddressPool pool-no-ad/],
    event: /announceFailed .*IPAddressPool pool-no-ad/,
  },
  {
    what: 'no endpoints',
    name: 'no-pods',
    l2: {},
    service: { pods: [] },
    says: ['Announced', 'NoEndpoint', /no endpoint is able to serve/],
    event: /announceFailed .*no endpoint is able to serve/,
  },
  {
    what: 'an interface that does not exist',
    name: 'no-link',
    l2: { interfaces: ['bond7'] },
    says: ['Announced', 'NoSuchInterface', /L2Advertisement ad-no-link \(bond7\) do not exist on node n\d/],
    event:
      /announceFailed the interfaces specified by LB IP "\S+" doesn't exist in assigned node "n\d" with protocol "layer2"/,
  },
  {
    what: 'a router that refuses TCP',
    name: 'refuses',
    peer: { ...toFrr, peerAddress: LAN.ipv4(HOSTS.client) },
    says: ['Announced', 'SessionDown', /BGPPeer peer-refuses with 10\.77\.0\.50 on node n\d is down: .*refused/i],
    event: /announceFailed .*BGPPeer peer-refuses/,
  },
  {
    what: 'no such host',
    name: 'no-host',
    peer: { ...toFrr, peerAddress: LAN.ipv4(99) },
    says: [
      'Announced',
      'SessionDown',
      /BGPPeer peer-no-host with 10\.77\.0\.99 on node n\d is down: could not connect/,
    ],
    event: /announceFailed .*BGPPeer peer-no-host/,
  },
  {
    what: 'a router that wants another AS of us',
    name: 'our-as',
    peer: { ...toFrr, myASN: 65_001, peerAddress: LAN.ipv4(HOSTS.frr) },
    says: ['Announced', 'SessionDown', /BGPPeer peer-our-as .*the peer ended the session: .*AS/],
    event: /announceFailed .*BGPPeer peer-our-as/,
  },
  {
    what: 'a router that has another AS',
    name: 'its-as',
    peer: { myASN: NODE_ASN, peerASN: BIRD_ASN + 500, peerAddress: LAN.ipv4(HOSTS.bird) },
    // BIRD, which has a session with this node already, closes the second one before it says who it is.
    says: [
      'Announced',
      'SessionDown',
      /BGPPeer peer-its-as .*(the AS number in its OPEN is not the one configured|before its OPEN came)/,
    ],
    event: /announceFailed .*BGPPeer peer-its-as/,
  },
  {
    what: 'passwords that differ',
    name: 'password',
    addresses: ['2001:db8:999::/124'],
    service: { spec: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] } },
    peer: { ...toFrr, peerAddress: LAN.ipv6(HOSTS.frr), password: 'ours' },
    says: ['Announced', 'SessionDown', /BGPPeer peer-password .*a password that the two sides do not share/],
    event: /announceFailed .*BGPPeer peer-password/,
  },
  {
    what: 'a BFD profile that is not there',
    name: 'bfd',
    peer: { ...toFrr, peerAddress: LAN.ipv4(98), bfdProfile: 'fast' },
    says: ['Announced', 'NoPeer', /BGPPeer peer-bfd, spec\.bfdProfile: .*non existing bfd profile fast/],
    event: /announceFailed .*BGPPeer peer-bfd/,
  },
]

describe('what a user sees', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startedLab(['frr', 'bird'], { peers: [] })
    const pool = (name: string, addresses: readonly string[]): Promise<unknown> =>
      lab.cluster.apply(IP_ADDRESS_POOLS, {
        metadata: { name, namespace: SYSTEM },
        spec: { addresses, autoAssign: false },
      })
    await pool('pool-full', ['192.0.2.250/32'])
    await lab.cluster.service('taken', {}, from('pool-full'))
    await lab.cluster.addresses('taken')
    for (const [i, one] of CASES.entries()) {
      const { name, addresses = [`192.0.2.${16 * i}/28`], l2, peer, service = {} } = one
      const { spec, ...init } = service
      if (addresses.length > 0) await pool(`pool-${name}`, addresses)
      const selects = { ipAddressPools: [`pool-${name}`] }
      const metadata = { name: `ad-${name}`, namespace: SYSTEM }
      if (l2 !== undefined) await lab.cluster.apply(L2_ADVERTISEMENTS, { metadata, spec: { ...selects, ...l2 } })
      if (peer !== undefined) {
        await lab.cluster.apply(BGP_PEERS, { metadata: { name: `peer-${name}`, namespace: SYSTEM }, spec: peer })
        await lab.cluster.apply(BGP_ADVERTISEMENTS, { metadata, spec: { ...selects, peers: [`peer-${name}`] } })
      }
      await lab.cluster.service(name, spec ?? {}, { ...(from(`pool-${name}`) as object), ...init })
    }
  })

  afterAll(() => lab?.remove())

  it.each(CASES)('$what', async ({ name, says: [type, reason, message], event }) => {
    const condition = await eventually(
      `the condition of ${name}`,
      async () => {
        const { status } = await lab.cluster.client.get<Service>(SERVICES, `default/${name}`)
        const found = status?.conditions?.find((one: Condition) => one.type === `metallb.io/${type}`)
        return found?.status === 'False' && found
      },
      60_000,
    )
    expect(condition).toMatchObject({ reason, message: expect.stringMatching(message) })
    await eventually(`the Event of ${name}`, async () => {
      const { items } = await lab.cluster.client.list<
        KubeObject & { involvedObject: { name: string }; reason: string; message: string }
      >(EVENTS, { namespace: 'default' })
      const own = items.filter(({ involvedObject }) => involvedObject.name === name)
      return (
        own.some(one => event.test(`${one.reason} ${one.message}`)) &&
        !own.some(({ reason: r }) => r === 'nodeAssigned')
      )
    })
  })
})
