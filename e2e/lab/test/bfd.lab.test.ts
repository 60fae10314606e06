import { BFD_PROFILES, BGP_PEERS, BGP_SESSION_STATES, type BGPSessionState } from '@metallb-ts/api'
import { eventually, HOSTS, LAN, nodeHost, SYSTEM, type Lab } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { http, startedLab } from './support.ts'

describe('BFD with a router', () => {
  let lab: Lab

  const bird = (text: string): Promise<string> => lab.router('bird').command(text)
  const log = (text: string): boolean => lab.processes.text('speaker-n1').includes(text)

  beforeAll(async () => {
    lab = await startedLab(['bird'])
    const spec = { receiveInterval: 100, transmitInterval: 100, detectMultiplier: 3 }
    await lab.cluster.apply(BFD_PROFILES, { metadata: { name: 'fast', namespace: SYSTEM }, spec })
  })

  afterAll(() => lab?.remove())

  it('[row 86] a peer with a profile is watched, in both families', async () => {
    const { items } = await lab.cluster.client.list<{ metadata: { name: string }; spec: { peerAddress: string } }>(
      BGP_PEERS,
    )
    const ours = items.filter(({ spec }) => [LAN.ipv4(HOSTS.bird), LAN.ipv6(HOSTS.bird)].includes(spec.peerAddress))
    expect(ours.length).toBeGreaterThan(0)
    for (const { metadata } of ours) await lab.cluster.patch(BGP_PEERS, metadata.name, { spec: { bfdProfile: 'fast' } })
    await eventually('the sessions to come up', async () => {
      const up = (await bird('show bfd sessions')).split('\n').filter(line => / Up /.test(line))
      return up.length >= 3 * ours.length
    })
    expect(log('"event":"bfd-up"')).toBe(true)
  })

  it('[row 97] metrics show the sessions and their packets', async () => {
    await lab.processes.stop('speaker-n2')
    lab.startSpeaker('n2', ['--port=7472', '--metrics-plain-http'])
    await eventually('the session in the metrics', () => {
      const { body } = http(lab.spaces.node('n2'), 7472, '/metrics')
      return (
        new RegExp(`^metallb_bfd_session_up\\{peer="${LAN.ipv4(HOSTS.bird)}",vrf="default"\\} 1$`, 'm').test(body) &&
        /^metallb_bfd_control_packet_input\{peer="[^"]+",vrf="default"\} [1-9]\d*$/m.test(body)
      )
    })
  })

  it('[row 86] the state of a session says how the path to its router is', async () => {
    await eventually('three nodes to say so', async () => {
      const { items } = await lab.cluster.client.list<BGPSessionState>(BGP_SESSION_STATES)
      const watched = items.filter(({ status }) => status?.bfdStatus === 'up')
      return new Set(watched.map(({ status }) => status?.node)).size === 3
    })
  })

  it('[row 86] [F-BGP-01] the path fails: both ends notice in less than the hold time, and our BGP session ends with it', async () => {
    const before = Date.now()
    lab.partition('n1', 'bird')
    await eventually('our speaker to notice', () => log('bfd-down'))
    await eventually('BGP to end with it', () => log('BFD says that the path is down'))
    await eventually('BIRD to notice', async () =>
      /n1_ipv4.*(Idle|Active|down|start)/.test(await bird('show protocols')),
    )
    expect(Date.now() - before).toBeLessThan(9_000 - 1)
    lab.heal()
    await eventually(
      'both to be back',
      async () => {
        const lines = (await bird('show protocols')).split('\n').filter(line => line.includes('n1_ipv4'))
        return lines.every(line => line.includes('Established'))
      },
      60_000,
    )
  })

  it('[F-ADM-03] a speaker that stops ends BGP first, and then tells BFD that it is no failure', async () => {
    const capture = lab.clients.capture('bfd-stop', lab.spaces.node('n3'), 'tcp port 179 or udp port 3784')
    await capture.begun
    await lab.processes.stop('speaker-n3')
    const frames = await capture.stop()
    const from = (frame: string): boolean => frame.includes(`${LAN.ipv4(nodeHost('n3'))} → ${LAN.ipv4(HOSTS.bird)}`)
    const ended = frames.findIndex(frame => from(frame) && frame.includes('NOTIFICATION'))
    const told = frames.findIndex(frame => from(frame) && /State: AdminDown/.test(frame))
    expect([ended >= 0, told > ended], frames.slice(-40).join('\n')).toEqual([true, true])
  })
})
