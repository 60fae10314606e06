import { BFD_PROFILES, BGP_PEERS, type BFDProfile } from '@metallb-ts/api'
import {
  eventually,
  FAR,
  FAR_BIRD_ASN,
  HOSTS,
  LAN,
  NODE_ASN,
  nodeHost,
  NODES,
  SYSTEM,
  type Lab,
  type Router,
} from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { http, startedLab } from './support.ts'

const FAMILIES = ['ipv4', 'ipv6'] as const
const METRICS_PORT = 7472

describe('peers with a profile of their own', () => {
  let lab: Lab
  let far: Router

  beforeAll(async () => {
    lab = await startedLab(['frr'])
    far = await lab.startFarBird()
    await lab.processes.stop('speaker-n1')
    lab.startSpeaker('n1', [`--port=${METRICS_PORT}`, '--metrics-plain-http'])
  })

  afterAll(() => lab?.remove())

  const profile = (name: string, spec: BFDProfile['spec']): Promise<unknown> =>
    lab.cluster.apply(BFD_PROFILES, { metadata: { name, namespace: SYSTEM }, spec })

  /** Of the speaker on n1; undefined while there is none. */
  function counter(name: string, peer: string, more = ''): number | undefined {
    const { body } = http(lab.spaces.node('n1'), METRICS_PORT, '/metrics')
    const line = body
      .split('\n')
      .find(text => text.startsWith(`${name}{`) && text.includes(`"${peer}"`) && text.includes(more))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }

  async function sessions(): Promise<readonly string[]> {
    const lines = (await far.command('show protocols')).split('\n')
    return lines.filter(line => / BGP .*Established/.test(line)).map(line => line.split(' ')[0]!)
  }

  it('[row 80] a router two hops away has routes of both families from every node', async () => {
    for (const family of FAMILIES) {
      await lab.cluster.apply(BGP_PEERS, {
        metadata: { name: `far-${family}`, namespace: SYSTEM },
        spec: {
          myASN: NODE_ASN,
          peerASN: FAR_BIRD_ASN,
          peerAddress: FAR.frr.client[family],
          holdTime: '9s',
          ebgpMultiHop: true,
        },
      })
    }
    await eventually('six sessions', async () => (await sessions()).length === 2 * NODES.length)
    const annotations = { 'metallb.io/address-pool': 'routed' }
    await lab.cluster.service('far', { ipFamilyPolicy: 'RequireDualStack' }, { annotations })
    for (const [i, address] of (await lab.cluster.addresses('far', 2)).entries()) {
      const nextHops = NODES.map(node => LAN[FAMILIES[i]!](nodeHost(node)))
      await eventually(`${nextHops.length} routes for ${address}`, async () => {
        const shown = await far.command(`show route for ${address} all`)
        return nextHops.every(hop => shown.includes(`BGP.next_hop: ${hop}`))
      })
    }
  })

  it('[row 86] [row 87] over several hops: silent until spoken to, and what came from too far does not count', async () => {
    await profile('far', { receiveInterval: 200, transmitInterval: 200, passiveMode: true, minimumTtl: 64 })
    for (const family of FAMILIES) await lab.cluster.patch(BGP_PEERS, `far-${family}`, { spec: { bfdProfile: 'far' } })
    const { ipv4 } = FAR.frr.client
    await eventually('a session that waits', () => counter('metallb_bfd_session_up', ipv4) === 0)
    // BIRD speaks with a TTL of 64, of which the router between takes one.
    await eventually(
      'packets from too far',
      () => (counter('metallb_bfd_packets_discarded', ipv4, 'reason="minimum-ttl"') ?? 0) > 2,
    )
    expect(counter('metallb_bfd_control_packet_output', ipv4)).toBe(0)
    expect(counter('metallb_bfd_session_up', ipv4)).toBe(0)
    await lab.cluster.patch(BFD_PROFILES, 'far', { spec: { minimumTtl: 63 } })
    await eventually('six sessions of BFD', async () => {
      const up = (await far.command('show bfd sessions')).split('\n').filter(line => / Up /.test(line))
      return up.length === 2 * NODES.length
    })
    expect((await sessions()).length).toBe(2 * NODES.length)
  })

  it('[row 87] echoes come back from the kernel of a router on the LAN, and the router’s from ours', async () => {
    await profile('echo', { echoMode: true, echoInterval: 100 })
    await lab.cluster.patch(BGP_PEERS, 'frr-ipv4', { spec: { bfdProfile: 'echo' } })
    const echoing = ['bfd', 'profile echo', 'echo-mode', 'echo transmit-interval 100', 'exit', 'exit']
    const neighbours = NODES.map(node => `neighbor ${LAN.ipv4(nodeHost(node))} bfd profile echo`)
    await lab.router('frr').command(['configure terminal', ...echoing, 'router bgp 64513', ...neighbours].join('\n'))
    const peer = LAN.ipv4(HOSTS.frr)
    await eventually('the session', () => counter('metallb_bfd_session_up', peer) === 1)
    await eventually('ten echoes', () => (counter('metallb_bfd_echo_packet_input', peer) ?? 0) > 10)
    expect(counter('metallb_bfd_session_down_events', peer)).toBe(0)
    await eventually('ten echoes of the router', async () => {
      const all = JSON.parse(await lab.router('frr').command('show bfd peers counters json')) as FrrCounters[]
      return (all.find(one => one.peer === LAN.ipv4(nodeHost('n1')))?.['echo-packet-input'] ?? 0) > 10
    })
  })

  it('[F-BGP-02] an operator of the router takes BFD down: that is said, and ends no session of ours', async () => {
    const log = (text: string): boolean => lab.processes.text('speaker-n1').includes(text)
    const neighbour = LAN.ipv4(nodeHost('n1'))
    await lab.router('frr').command(['configure terminal', 'bfd', `peer ${neighbour}`, 'shutdown'].join('\n'))
    await eventually('the cause', () => log('"cause":"peer-admin-down"'))
    expect(log('BFD says that the path is down')).toBe(false)
    await lab.router('frr').command(['configure terminal', 'bfd', `peer ${neighbour}`, 'no shutdown'].join('\n'))
    await eventually('BFD again', () => counter('metallb_bfd_session_up', LAN.ipv4(HOSTS.frr)) === 1)
  })
})

interface FrrCounters {
  readonly peer: string
  readonly 'echo-packet-input': number
}
