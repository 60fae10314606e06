import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { Cluster, eventually, NODE_ASN, nodeAddress, ROUTER, ROUTER_ASN } from './cluster.ts'

interface Case {
  readonly what: string
  readonly prepare: (cluster: Cluster) => Promise<void> | void
  /** Reason of the condition. */
  readonly reason: string
  /** What the sentence says, and the object to change that it names. */
  readonly says: RegExp
  /** What a described Service shows beside it. */
  readonly event?: RegExp
}

const peer = (cluster: Cluster, spec: object = {}): void => {
  cluster.configure('bgpadvertisements', 'routed')
  cluster.configure('bgppeers', 'tor', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER, ...spec })
}
const listening = async (cluster: Cluster, asn: number, peerAsn: number): Promise<void> => {
  const n1 = { name: 'n1', remote: address(nodeAddress(0)), peerAsn, passive: true }
  await cluster.router(ROUTER, asn, [n1])
}

/** The cases of a speaker's in which MetalLB says nothing, or that it announces. */
const CASES: readonly Case[] = [
  {
    what: 'an L2Advertisement that selects no node',
    prepare: cluster =>
      cluster.configure('l2advertisements', 'rack-b', { nodeSelectors: [{ matchLabels: { rack: 'b' } }] }),
    reason: 'NodeNotSelected',
    says: /^n1: the nodeSelectors of L2Advertisement rack-b do not match node n1$/,
  },
  {
    what: 'no advertisement at all',
    prepare: () => {},
    reason: 'NoAdvertisement',
    says: /no BGPAdvertisement selects IPAddressPool lan; no L2Advertisement selects IPAddressPool lan/,
  },
  {
    what: 'no endpoints',
    prepare: cluster => {
      cluster.configure('l2advertisements', 'all')
      cluster.endpoints('web', [])
    },
    reason: 'NoEndpoint',
    says: /no endpoint is able to serve/,
  },
  {
    what: 'an interface that does not exist',
    prepare: cluster => cluster.configure('l2advertisements', 'all', { interfaces: ['bond7'] }),
    reason: 'NoSuchInterface',
    says: /the interfaces of L2Advertisement all \(bond7\) do not exist on node n1/,
    event:
      /^Warning announceFailed the interfaces specified by LB IP "192\.0\.2\.1" doesn't exist in assigned node "n1" with protocol "layer2"/,
  },
  {
    what: 'a router that refuses TCP',
    prepare: cluster => {
      cluster.network.host(address(ROUTER))
      peer(cluster)
    },
    reason: 'SessionDown',
    says: /the session of BGPPeer tor with 198\.51\.100\.254 on node n1 is down: could not connect: connection refused/,
  },
  {
    what: 'no such host',
    prepare: cluster => peer(cluster, { connectTime: '1s' }),
    reason: 'SessionDown',
    says: /BGPPeer tor with 198\.51\.100\.254 on node n1 is down: could not connect: no answer in time/,
  },
  {
    what: 'a router that wants another AS of us',
    prepare: async cluster => {
      await listening(cluster, ROUTER_ASN, 65_001)
      peer(cluster)
    },
    reason: 'SessionDown',
    says: /BGPPeer tor .*the peer ended the session: .*AS/,
  },
  {
    what: 'a router that has another AS',
    prepare: async cluster => {
      await listening(cluster, 65_002, NODE_ASN)
      peer(cluster)
    },
    reason: 'SessionDown',
    says: /BGPPeer tor .*the AS number in its OPEN is not the one configured/,
  },
  {
    what: 'passwords that differ: the router’s kernel throws away what we send',
    prepare: cluster => peer(cluster, { password: 'ours' }),
    reason: 'SessionDown',
    says: /BGPPeer tor .*so does a password that the two sides do not share/,
  },
  {
    what: 'a BFD profile that does not exist',
    prepare: cluster => peer(cluster, { bfdProfile: 'fast' }),
    reason: 'NoPeer',
    says: /BGPAdvertisement routed means: BGPPeer tor, spec\.bfdProfile: .*referencing non existing bfd profile fast/,
  },
  {
    what: 'no BGPPeer',
    prepare: cluster => cluster.configure('bgpadvertisements', 'routed'),
    reason: 'NoPeer',
    says: /node n1 has no BGPPeer that BGPAdvertisement routed means: there is none at all/,
  },
  {
    what: 'a BGPPeer for other nodes',
    prepare: cluster => peer(cluster, { nodeSelectors: [{ matchLabels: { rack: 'b' } }] }),
    reason: 'NoPeer',
    says: /the nodeSelectors of tor do not match node n1/,
  },
]

describe.concurrent('what a user sees', () => {
  it.for(CASES)('$what', async ({ prepare, reason, says, event }) => {
    const cluster = await Cluster.start()
    try {
      cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
      cluster.service('web', '192.0.2.1')
      await prepare(cluster)
      await cluster.speaker()
      await eventually(() => expect(cluster.condition('web')).toMatchObject({ status: 'False', reason }), 60_000)
      expect(cluster.condition('web')?.message).toMatch(says)
      await eventually(() => expect(cluster.eventsOf('web')).toHaveLength(1), 60_000)
      expect(cluster.eventsOf('web')[0]).toMatch(event ?? /^Warning announceFailed n1: /)
      expect(cluster.eventsOf('web')[0]).toMatch(new RegExp(says.source.replace(/^\^|\$$/g, '')))
      expect(cluster.statuses('servicel2statuses')).toEqual([])
      expect(cluster.statuses('servicebgpstatuses')).toEqual([])
    } finally {
      await cluster.stop()
    }
  })
})
