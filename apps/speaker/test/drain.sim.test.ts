import { address } from '@metallb-ts/netip'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cluster, eventually, NODE_ASN, nodeAddress, ROUTER, ROUTER_ASN, type Running } from './cluster.ts'

const soon = (check: () => void): Promise<void> => eventually(check, 60_000)
const NODES = ['n1', 'n2']

describe('draining a node', () => {
  let cluster: Cluster
  let speakers: readonly Running[]

  beforeEach(async () => {
    cluster = await Cluster.start({ nodes: NODES })
    cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
    cluster.configure('bgpadvertisements', 'routed')
    cluster.configure('l2advertisements', 'all')
    cluster.configure('bgppeers', 'tor', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER })
    cluster.service('web', '192.0.2.1', { endpoints: NODES })
    const peers = NODES.map((name, i) => ({ name, remote: address(nodeAddress(i)), peerAsn: NODE_ASN, passive: true }))
    await cluster.router(ROUTER, ROUTER_ASN, peers)
  })

  afterEach(() => cluster.stop())

  const drain = (text: string | null): void =>
    cluster.patch('/api/v1/nodes/n1', { metadata: { annotations: { 'metallb-ts.io/drain': text } } })
  const drained = (): unknown => {
    const states = cluster.list('configurationstates.metallb.io') as readonly {
      metadata: { name: string }
      status?: { conditions?: readonly { type: string }[] }
    }[]
    const own = states.find(({ metadata }) => metadata.name === 'speaker-n1')
    return own?.status?.conditions?.find(({ type }) => type === 'drained')
  }
  const announcers = (): readonly unknown[] => cluster.statuses('servicebgpstatuses').map(({ node }) => node)

  async function start(nodes: readonly string[]): Promise<void> {
    speakers = await Promise.all(nodes.map(node => cluster.speaker(node, { drainDelayMs: 500 })))
    await soon(() => expect([...announcers()].sort()).toEqual(nodes))
  }

  it('others take over, its routes go, and it says that it may be rebooted; taken back it announces again', async () => {
    await start(NODES)
    drain('true')
    await soon(() => expect(drained()).toMatchObject({ status: 'True', reason: 'SafeToReboot' }))
    await soon(() => expect(announcers()).toEqual(['n2']))
    expect(speakers.map(({ lan }) => lan.held)).toEqual([[], ['192.0.2.1']])
    expect(cluster.eventsOf('n1').join('\n')).toMatch(/Normal Lowering .*\n(.*\n)*Normal SafeToReboot/)
    drain(null)
    await soon(() => expect([...announcers()].sort()).toEqual(NODES))
    await soon(() => expect(drained()).toBeUndefined())
  })

  it('the last who announces a Service keeps it, and says so, until it is told to go', async () => {
    await start(['n1'])
    drain('true')
    await soon(() => expect(drained()).toMatchObject({ status: 'False', reason: 'LastAnnouncer' }))
    expect(announcers()).toEqual(['n1'])
    drain('force')
    await soon(() => expect(drained()).toMatchObject({ status: 'True' }))
    await soon(() => expect(announcers()).toEqual([]))
  })
})
