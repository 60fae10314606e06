import type { PeerInit } from '@metallb-ts/bgp-fsm'
import { address } from '@metallb-ts/netip'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cluster, eventually, NAMESPACE, NODE_ASN, nodeAddress, quiet, ROUTER, ROUTER_ASN } from './cluster.ts'

const PATIENCE_MS = 60_000
const soon = (check: () => void): Promise<void> => eventually(check, PATIENCE_MS)
const waiting = (i: number): PeerInit => ({
  name: `n${i + 1}`,
  remote: address(nodeAddress(i)),
  peerAsn: NODE_ASN,
  passive: true,
})

describe('the signs of a speaker', () => {
  let cluster: Cluster

  beforeEach(async () => {
    cluster = await Cluster.start({ nodes: ['n1', 'n2'] })
    cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
    cluster.configure('bgpadvertisements', 'routed')
    cluster.configure('bgppeers', 'tor', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER })
    cluster.service('web', '192.0.2.1')
  })

  afterEach(() => cluster.stop())

  it('[row 45] are true: announced is said when a router was told, taken back when the session ends, and said again', async () => {
    const router = await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    const { logger } = await cluster.speaker()
    await soon(() => expect(cluster.condition('web')).toMatchObject({ status: 'True', reason: 'Announced' }))
    expect(cluster.condition('web')?.message).toBe('n1: has told tor')
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toMatchObject([{ node: 'n1', peers: ['tor'] }]))
    await soon(() => expect(cluster.eventsOf('web')).toHaveLength(1))
    expect(cluster.eventsOf('web')).toEqual(['Normal nodeAssigned announcing from node "n1" with protocol "bgp"'])
    expect(router.peers.get('n1')?.state).toBe('established')

    await router.stop({ deadlineMs: 100 })
    await soon(() => expect(cluster.condition('web')).toMatchObject({ status: 'False', reason: 'SessionDown' }))
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toEqual([]))
    expect(logger.lines.map(({ event }) => event)).toContain('service-withdrawn')
    expect(cluster.eventsOf('tor').join('\n')).toMatch(/Warning SessionDown node n1: /)

    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    await soon(() => expect(cluster.condition('web')).toMatchObject({ status: 'True' }))
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toMatchObject([{ peers: ['tor'] }]))
  })

  it('a session is an object: established with its terms, or tried with its last error, which no Service is written for while another router is told', async () => {
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    cluster.configure('bgppeers', 'dead', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: '198.51.100.200' })
    await cluster.speaker()
    await soon(() => expect(cluster.statuses('bgpsessionstates')).toHaveLength(2))
    const of = (peer: string): unknown => cluster.statuses('bgpsessionstates').find(status => status['peer'] === peer)
    await soon(() =>
      expect(of('tor')).toMatchObject({
        node: 'n1',
        address: ROUTER,
        bgpStatus: 'Established',
        bfdStatus: 'N/A',
        negotiated: { peerASN: ROUTER_ASN, kind: 'external', families: ['ipv4-unicast'] },
      }),
    )
    await soon(() =>
      expect(of('dead')).toMatchObject({ bgpStatus: 'Active', lastError: expect.stringMatching(/no answer in time/) }),
    )
    await soon(() => expect(cluster.condition('web')?.message).toBe('n1: has told tor'))
    cluster.delete(`/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers/dead`)
    await soon(() => expect(of('dead')).toBeUndefined())
    await soon(() => expect(cluster.condition('web')?.message).toBe('n1: has told tor'))
  })

  it('[row 46] what it could not use is in its ConfigurationState, and in an Event on the object', async () => {
    cluster.configure('bgppeers', 'bad', { myASN: NODE_ASN, peerAddress: ROUTER })
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    await cluster.speaker('n1')
    await soon(() => expect(cluster.statuses('configurationstates')).toMatchObject([{ result: 'Invalid' }]))
    const [state] = cluster.statuses('configurationstates')
    expect(state?.['errorSummary']).toMatch(/BGPPeer bad, spec\.peerASN: .*missing peer ASN/)
    cluster.edit('bgppeers', 'bad', { peerASN: ROUTER_ASN })
    await soon(() => expect(cluster.statuses('configurationstates')).toMatchObject([{ result: 'Valid' }]))
  })

  it('at rest nothing is written, nor at a restart with nothing changed', async () => {
    cluster.configure('l2advertisements', 'all', { nodeSelectors: [{ matchLabels: { name: 'n1' } }] })
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    const first = await cluster.speaker()
    await soon(() => expect(cluster.condition('web')?.message).toBe('n1: answers on eth0 and has told tor'))
    await quiet(cluster)
    const before = cluster.writes().length
    await first.stop()
    const second = await cluster.speaker()
    await soon(() => expect(second.speaker.troubles).toEqual([]))
    await quiet(cluster)
    expect(cluster.writes().slice(before)).toEqual([])
  })

  it('an object of its own that somebody deletes is written again, and no other', async () => {
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
    await cluster.speaker()
    const kinds = ['servicebgpstatuses', 'bgpsessionstates', 'configurationstates']
    for (const kind of kinds) await soon(() => expect(cluster.statuses(kind)).toHaveLength(1))
    await quiet(cluster)
    for (const kind of kinds) {
      const before = cluster.writes().length
      const [{ metadata }] = cluster.list(`${kind}.metallb.io`) as [{ metadata: { name: string } }]
      cluster.delete(`/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/${kind}/${metadata.name}`)
      await soon(() => expect(cluster.statuses(kind)).toHaveLength(1))
      await quiet(cluster)
      const written = cluster.writes().slice(before)
      expect(
        written.filter(write => !write.includes(`/${kind}/${metadata.name}`) && !write.includes('events')),
      ).toEqual([])
    }
  })

  it('of two speakers one speaks, both announce', async () => {
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0), waiting(1)])
    await Promise.all(['n1', 'n2'].map(node => cluster.speaker(node)))
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toHaveLength(2))
    await quiet(cluster)
    const spoken = cluster.writes().filter(write => write.includes('services/web/status'))
    expect(spoken).toHaveLength(1)
    expect(cluster.condition('web')).toMatchObject({ status: 'True' })
  })

  it('a node that is gone takes its statuses with it', async () => {
    await cluster.router(ROUTER, ROUTER_ASN, [waiting(0), waiting(1)])
    await cluster.speaker('n1')
    const second = await cluster.speaker('n2')
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toHaveLength(2))
    await soon(() => expect(cluster.statuses('configurationstates')).toHaveLength(2))
    await second.stop()
    cluster.delete('/api/v1/nodes/n2')
    await soon(() => expect(cluster.statuses('servicebgpstatuses')).toMatchObject([{ node: 'n1' }]))
    await soon(() => expect(cluster.statuses('bgpsessionstates')).toMatchObject([{ node: 'n1' }]))
    await soon(() => expect(cluster.statuses('configurationstates')).toHaveLength(1))
  })
})

describe('a speaker under MetalLB’s own rules', () => {
  it('announces, says once which right it misses, and does not ask again', async () => {
    const reading = { verbs: ['list', 'watch'], apiGroups: ['*'], resources: ['*'] }
    const statuses = {
      verbs: ['*'],
      apiGroups: ['metallb.io'],
      resources: ['servicel2statuses', 'servicel2statuses/status', 'servicebgpstatuses', 'servicebgpstatuses/status'],
    }
    const events = { verbs: ['create', 'patch'], apiGroups: [''], resources: ['events'] }
    const users = [{ token: 'metallb', name: 'speaker', rules: [reading, statuses, events] }]
    const cluster = await Cluster.start({ users })
    try {
      cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
      cluster.configure('bgpadvertisements', 'routed')
      cluster.configure('bgppeers', 'tor', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER })
      for (let i = 1; i <= 20; i++) cluster.service(`web-${i}`, `192.0.2.${i}`)
      await cluster.router(ROUTER, ROUTER_ASN, [waiting(0)])
      const { logger } = await cluster.speaker('n1', {}, 'metallb')
      await soon(() => expect(cluster.statuses('servicebgpstatuses')).toHaveLength(20))
      await quiet(cluster)
      const missing = logger.lines.filter(({ event }) => event === 'permission-missing')
      expect(missing.map(({ fields }) => String(fields['message'])).sort()).toEqual([
        expect.stringMatching(/cannot patch resource "bgpsessionstates"/),
        expect.stringMatching(/cannot patch resource "configurationstates"/),
        expect.stringMatching(/cannot patch resource "services\/status"/),
      ])
    } finally {
      await cluster.stop()
    }
  })
})

describe('a speaker without a right', () => {
  it('says which one is missing', async () => {
    const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
    const most = { verbs: ['list', 'watch'], apiGroups: [''], resources: ['services', 'nodes', 'secrets'] }
    const ours = { ...everything, apiGroups: ['metallb.io'] }
    const users = [{ token: 'poor', name: 'system:serviceaccount:metallb-system:speaker', rules: [most, ours] }]
    const cluster = await Cluster.start({ users })
    try {
      const { speaker } = await cluster.speaker('n1', {}, 'poor')
      await soon(() => expect(speaker.troubles.join('\n')).toMatch(/endpointslices: .*forbidden/))
      expect(speaker.troubles.join('\n')).toMatch(/cannot (list|watch) resource "endpointslices"/)
    } finally {
      await cluster.stop()
    }
  })
})
