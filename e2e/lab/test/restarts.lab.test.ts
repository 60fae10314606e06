import {
  BGP_SESSION_STATES,
  CONFIGURATION_STATES,
  type BGPSessionState,
  type ConfigurationState,
} from '@metallb-ts/api'
import { NODES as NODE_RESOURCE } from '@metallb-ts/k8s-watch'
import { eventually, LAN, NODES, nodeHost, pause, type Lab, type NodeName } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { http, nextHops, startedLab } from './support.ts'

const ROUTED = { annotations: { 'metallb.io/address-pool': 'routed' } }
const via = (nodes: readonly NodeName[] = NODES): readonly string[] => nodes.map(node => LAN.ipv4(nodeHost(node)))
const HEALTH_PORT = 17_472

describe('speakers that go and come back', () => {
  let lab: Lab
  let address = ''

  beforeAll(async () => {
    lab = await startedLab(['frr'], {
      peers: ['frr'],
      more: { enableGracefulRestart: true },
      flags: ['--drain-seconds=3'],
    })
    await lab.cluster.service('api', {}, ROUTED)
    ;[address = ''] = await lab.cluster.addresses('api')
    await nextHops(lab, 'frr', address, via())
  })

  afterAll(() => lab?.remove())

  const paths = async (): Promise<readonly { nexthop: string; communities: string }[]> => {
    const text = await lab.router('frr').command(`show bgp ipv4 unicast ${address}/32 json`)
    const { paths = [] } = JSON.parse(text) as {
      paths?: { nexthops: { ip: string }[]; community?: { string: string } }[]
    }
    return paths.map(({ nexthops, community }) => ({
      nexthop: nexthops[0]?.ip ?? '',
      communities: community?.string ?? '',
    }))
  }

  /** Watches the router’s kernel until told to stop: how often a next hop was missing. */
  function watch(): () => Promise<number> {
    let missing = 0
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        const seen = await lab.router('frr').nextHops(address)
        if (seen.length < NODES.length) missing++
        await pause(100)
      }
    })()
    return async () => {
      isOver = true
      await watching
      return missing
    }
  }

  it('[row 85] one that is killed comes back with graceful restart, and no route is lost', async () => {
    const stop = watch()
    lab.processes.kill('speaker-n1')
    await pause(2_000)
    lab.startSpeaker('n1', ['--drain-seconds=3'])
    await eventually('n1 to be ready', () => http(lab.spaces.node('n1'), HEALTH_PORT, '/readyz').status === 200)
    await pause(2_000)
    expect(await stop()).toBe(0)
    expect((await paths()).map(({ nexthop }) => nexthop).sort()).toEqual(via())
  })

  it('the API server is away: every route stays, and what happened meanwhile is caught up with', async () => {
    const stop = watch()
    lab.cutLink('ctl')
    await pause(15_000)
    lab.restoreLink('ctl')
    expect(await stop()).toBe(0)
    await lab.cluster.ready('api', NODES, false)
    await nextHops(lab, 'frr', address, [])
    await lab.cluster.ready('api', NODES, true)
    await nextHops(lab, 'frr', address, via())
  })

  it('a session is an object that kubectl shows', async () => {
    const states = await eventually('a state of every node', async () => {
      const { items } = await lab.cluster.client.list<BGPSessionState>(BGP_SESSION_STATES)
      const ipv4 = items.flatMap(({ status }) => (status?.peer === 'frr-ipv4' ? [status] : []))
      return ipv4.length === NODES.length && ipv4.every(({ bgpStatus }) => bgpStatus === 'Established') && ipv4
    })
    expect(states.map(({ node }) => node).sort()).toEqual([...NODES])
    expect(states[0]).toMatchObject({ negotiated: { gracefulRestart: true, kind: 'external' } })
  })

  it('a drained node is marked in the router, then gone from it, then safe; another takes its place', async () => {
    const drain = (text: string | null): Promise<unknown> =>
      lab.cluster.client.patch(
        NODE_RESOURCE,
        'n1',
        { metadata: { annotations: { 'metallb-ts.io/drain': text } } },
        { type: 'merge' },
      )
    await drain('true')
    const [n1 = ''] = via(['n1'])
    await eventually('GRACEFUL_SHUTDOWN of n1', async () =>
      (await paths()).some(
        ({ nexthop, communities }) => nexthop === n1 && /graceful-shutdown|65535:0/.test(communities),
      ),
    )
    expect((await paths()).map(({ nexthop }) => nexthop).sort()).toEqual(via())
    await nextHops(lab, 'frr', address, via(['n2', 'n3']))
    await eventually('the word that it is safe', async () => {
      const state = await lab.cluster.client.get<ConfigurationState>(CONFIGURATION_STATES, 'metallb-system/speaker-n1')
      return state.status?.conditions?.some(({ type, status }) => type === 'drained' && status === 'True')
    })
    await drain(null)
    await nextHops(lab, 'frr', address, via())
  })
})
