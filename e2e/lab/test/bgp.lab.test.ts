import { BGP_ADVERTISEMENTS, SERVICE_BGP_STATUSES } from '@metallb-ts/api'
import { eventually, FAR, LAN, NODES, nodeHost, type Lab, type NodeName } from '@metallb-ts/lab'
import { NODES as NODE_RESOURCE, type KubeObject } from '@metallb-ts/k8s-watch'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextHops, soleOwner, startedLab } from './support.ts'

const ROUTERS = ['frr', 'bird'] as const
const via = (family: 'ipv4' | 'ipv6', nodes: readonly NodeName[] = NODES): readonly string[] =>
  nodes.map(node => LAN[family](nodeHost(node)))
const ROUTED = { annotations: { 'metallb.io/address-pool': 'routed' } }

describe('BGP to FRR and BIRD', () => {
  let lab: Lab
  let ipv4 = ''
  let ipv6 = ''

  beforeAll(async () => {
    lab = await startedLab(ROUTERS)
    await lab.cluster.service('api', { ipFamilyPolicy: 'RequireDualStack' }, ROUTED)
    ;[ipv4 = '', ipv6 = ''] = await lab.cluster.addresses('api', 2)
  })

  afterAll(() => lab?.remove())

  it('[row 47] [row 48] [row 49] [row 50] [row 51] every node announces both families to both routers, and far clients reach the pods', async () => {
    for (const router of ROUTERS) {
      await nextHops(lab, router, ipv4, via('ipv4'))
      await nextHops(lab, router, ipv6, via('ipv6'))
      for (const address of [ipv4, ipv6]) {
        const answer = await eventually('an answer', () => lab.clients.get(`behind-${router}`, address))
        expect(NODES).toContain(answer.node)
      }
    }
  })

  it('[row 45] a ServiceBGPStatus of each node names the peers it announces to', async () => {
    const peers = await eventually('a status of every node', async () => {
      const { items } = await lab.cluster.client.list<KubeObject & { status?: { node?: string; peers?: string[] } }>(
        SERVICE_BGP_STATUSES,
      )
      const told = items.map(({ status }) => status).filter(status => status?.peers?.length === 4)
      return told.length === NODES.length ? told : undefined
    })
    expect(peers.map(status => status?.node).sort()).toEqual([...NODES])
    for (const status of peers) {
      expect([...(status?.peers ?? [])].sort()).toEqual(['bird-ipv4', 'bird-ipv6', 'frr-ipv4', 'frr-ipv6'])
    }
  })

  it('[row 66] [row 56] the route carries our AS and the community of the advertisement', async () => {
    const route = JSON.parse(await lab.router('frr').command(`show bgp ipv4 unicast ${ipv4}/32 json`)) as {
      paths: { aspath: { string: string }; community?: { string: string }; med?: number }[]
    }
    expect(route.paths).toHaveLength(NODES.length)
    for (const path of route.paths) {
      expect(path.aspath.string).toBe('64512')
      expect(path.community?.string).toBe('64512:100')
    }
  })

  it('[row 57] [row 58] large communities and those of several advertisements arrive together', async () => {
    const spec = { ipAddressPools: ['routed'], communities: ['large:64512:1:2', 'no-advertise'] }
    await lab.cluster.apply(BGP_ADVERTISEMENTS, { metadata: { name: 'more', namespace: 'metallb-system' }, spec })
    await eventually('all communities at BIRD', async () => {
      const routes = await lab.router('bird').command(`show route all ${ipv4}/32`)
      return /\(64512, 1, 2\)/.test(routes) && /\(64512,100\)/.test(routes) && /\(65535,65282\)/.test(routes)
    })
    await lab.cluster.remove(BGP_ADVERTISEMENTS, 'more')
    await eventually('the second advertisement to be gone', async () => {
      const routes = await lab.router('bird').command(`show route all ${ipv4}/32`)
      return !/\(64512, 1, 2\)/.test(routes) && /\(64512,100\)/.test(routes)
    })
  })

  it('[row 54] aggregation lengths announce the covering prefixes instead', async () => {
    const spec = { aggregationLength: 28, aggregationLengthV6: 124 }
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec })
    await nextHops(lab, 'frr', '198.51.100.0/28', via('ipv4'))
    await nextHops(lab, 'bird', '2001:db8:100::/124', via('ipv6'))
    await nextHops(lab, 'frr', ipv4, [])
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', {
      spec: { aggregationLength: null, aggregationLengthV6: null },
    })
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
    await nextHops(lab, 'frr', '198.51.100.0/28', [])
  })

  it('[row 59] node selectors decide which nodes announce', async () => {
    const nodeSelectors = [{ matchLabels: { 'kubernetes.io/hostname': 'n2' } }]
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { nodeSelectors } })
    await nextHops(lab, 'frr', ipv4, via('ipv4', ['n2']))
    await nextHops(lab, 'bird', ipv6, via('ipv6', ['n2']))
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { nodeSelectors: null } })
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
  })

  it('[row 60] an advertisement for some peers reaches no other', async () => {
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { peers: ['frr-ipv4', 'frr-ipv6'] } })
    await nextHops(lab, 'bird', ipv4, [])
    await nextHops(lab, 'bird', ipv6, [])
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { peers: null } })
    await nextHops(lab, 'bird', ipv4, via('ipv4'))
  })

  it('[row 61] a service selector that does not match withdraws', async () => {
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', {
      spec: { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] },
    })
    await nextHops(lab, 'frr', ipv4, [])
    await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { serviceSelectors: null } })
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
  })

  it('[row 64] with externalTrafficPolicy Local only nodes with a ready pod announce, and the pod sees the client’s address', async () => {
    const spec = { externalTrafficPolicy: 'Local', ipFamilyPolicy: 'RequireDualStack' }
    await lab.cluster.service('local', spec, { ...ROUTED, pods: ['n1', 'n3'] })
    const [local4 = '', local6 = ''] = await lab.cluster.addresses('local', 2)
    await nextHops(lab, 'frr', local4, via('ipv4', ['n1', 'n3']))
    await nextHops(lab, 'bird', local6, via('ipv6', ['n1', 'n3']))
    const answer = await eventually('an answer', () => lab.clients.get('behind-frr', local4))
    expect(answer.client).toBe(FAR.frr.client.ipv4)
    const answer6 = await eventually('an answer', () => lab.clients.get('behind-bird', local6))
    expect(answer6.client).toBe(FAR.bird.client.ipv6)
    await lab.cluster.ready('local', ['n1'], false)
    await nextHops(lab, 'frr', local4, via('ipv4', ['n3']))
    await lab.cluster.ready('local', ['n3'], false)
    await nextHops(lab, 'frr', local4, [])
  })

  it('[row 65] a Service without a healthy endpoint is withdrawn, and announced again when it has one', async () => {
    await lab.cluster.ready('api', NODES, false)
    await nextHops(lab, 'frr', ipv4, [])
    await nextHops(lab, 'bird', ipv6, [])
    await lab.cluster.ready('api', NODES, true)
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
  })

  it('[row 41] a node labelled out of load balancing withdraws', async () => {
    const label = (value: string | null): object => ({
      metadata: { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': value } },
    })
    await lab.cluster.client.patch(NODE_RESOURCE, 'n2', label(''), { type: 'merge' })
    await nextHops(lab, 'frr', ipv4, via('ipv4', ['n1', 'n3']))
    await lab.cluster.client.patch(NODE_RESOURCE, 'n2', label(null), { type: 'merge' })
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
  })

  it('[row 43] the same Service is answered for on the LAN and announced to routers', async () => {
    await lab.cluster.service('both')
    const [address = ''] = await lab.cluster.addresses('both')
    const spec = { ipAddressPools: ['lan'] }
    await lab.cluster.apply(BGP_ADVERTISEMENTS, { metadata: { name: 'lan-too', namespace: 'metallb-system' }, spec })
    await soleOwner(lab, address)
    await eventually('the route at BIRD', async () =>
      (await lab.router('bird').command(`show route ${address}/32`)).includes('10.77.0.1'),
    )
    await lab.cluster.remove(BGP_ADVERTISEMENTS, 'lan-too')
  })

  it('no session was reset by any of this', async () => {
    for (const [peer, state] of Object.entries(await frrPeers(lab))) {
      expect(state, peer).toEqual({ state: 'Established', established: 1, dropped: 0 })
    }
  })

  it('a stopped speaker withdraws first and ends well; a killed one loses its routes', async () => {
    expect(await lab.processes.stop('speaker-n1')).toBe(0)
    await nextHops(lab, 'frr', ipv4, via('ipv4', ['n2', 'n3']))
    await nextHops(lab, 'bird', ipv6, via('ipv6', ['n2', 'n3']))
    lab.processes.kill('speaker-n2')
    await nextHops(lab, 'frr', ipv4, via('ipv4', ['n3']))
    lab.startSpeaker('n1')
    lab.startSpeaker('n2')
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
  })

  it('[row 47] a speaker that is stopped while the API server cannot be reached withdraws at once, and ends', async () => {
    await nextHops(lab, 'frr', ipv4, via('ipv4'))
    lab.cutLink('ctl')
    try {
      const stopped = lab.processes.stop('speaker-n2')
      await nextHops(lab, 'frr', ipv4, via('ipv4', ['n1', 'n3']))
      expect(lab.processes.log('speaker-n2').filter(({ event }) => event === 'stop-overdue')).toEqual([])
      expect(await stopped).not.toBeNull()
    } finally {
      lab.restoreLink('ctl')
    }
  })
})

async function frrPeers(lab: Lab): Promise<Record<string, { state: string; established: number; dropped: number }>> {
  const neighbours = JSON.parse(await lab.router('frr').command('show bgp neighbors json')) as Record<
    string,
    { bgpState: string; connectionsEstablished: number; connectionsDropped: number }
  >
  return Object.fromEntries(
    Object.entries(neighbours).map(([peer, { bgpState, connectionsEstablished, connectionsDropped }]) => [
      peer,
      { state: bgpState, established: connectionsEstablished, dropped: connectionsDropped },
    ]),
  )
}
