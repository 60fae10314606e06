import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd, isPathFailure, type MoveCause } from '../src/index.ts'
import { ScriptedPeer, SimNetwork } from '../src/testing/index.ts'
import { Bench, PEER } from './bench.ts'

const SILENT_EVENTS = { publish: () => {} }

describe('numbers of a session', () => {
  test('[F-ST-04] [F-TX-09] discriminators and source ports: random, unique, within their bounds; TTL 255', () => {
    const peer = new ScriptedPeer(PEER)
    const components = {
      clock: new SimClock(),
      random: new SimRandom(7),
      transport: peer.transport,
      events: SILENT_EVENTS,
    }
    const bfd = createBfd(components)
    for (let i = 0; i < 4_096; i++) {
      const remote = { family: 'ipv4', value: 0x0a000001n + BigInt(i) } as const
      expect(bfd.open({ kind: 'single-hop', remote }).ok).toBe(true)
    }
    components.clock.advance(0)
    const sessions = [...bfd.sessions.values()]
    const discriminators = new Set(sessions.map(({ discriminator }) => discriminator))
    expect(discriminators.size).toBe(4_096)
    expect(discriminators.has(0)).toBe(false)
    expect(Math.max(...discriminators)).toBeGreaterThan(0xff00_0000)
    expect(Math.min(...discriminators)).toBeLessThan(0x0100_0000)
    expect(new Set(peer.opened.map(({ sourcePort }) => sourcePort)).size).toBe(4_096)
    expect(
      peer.opened.every(({ sourcePort, ttl }) => sourcePort >= 49_152 && sourcePort <= 65_535 && ttl === 255),
    ).toBe(true)
    expect(bfd.open({ kind: 'single-hop', remote: address('192.0.2.99') })).toMatchObject({
      error: { code: 'too-many-sessions' },
    })
  })

  test('[F-TX-09] one source port for the life of a session, whatever becomes of its socket', () => {
    const bench = new Bench()
    bench.peer.sendProblem = { code: 'no-route', detail: 'ENETUNREACH' }
    bench.clock.advance(30_000)
    bench.peer.sendProblem = undefined
    bench.clock.advance(30_000)
    expect(bench.peer.opened.length).toBeGreaterThan(2)
    expect(new Set(bench.peer.opened.map(({ sourcePort }) => sourcePort))).toEqual(new Set([bench.session.sourcePort]))
  })

  test('[F-TX-09] a port that somebody else has is left for another', () => {
    const bench = new Bench()
    const taken = bench.session.sourcePort
    bench.peer.openProblem = { code: 'port-in-use', detail: 'EADDRINUSE' }
    const opened = bench.open({ kind: 'single-hop', remote: address('192.0.2.2') })
    bench.clock.advance(0)
    expect(bench.peer.opened.length).toBe(1 + 16)
    expect(bench.peer.opened.slice(1).some(({ sourcePort }) => sourcePort === taken)).toBe(false)
    bench.peer.openProblem = undefined
    bench.clock.advance(1_000)
    expect(opened.ok && opened.value.session.counters).toMatchObject({ sendFailures: 1, controlOut: 1 })
  })
})

describe('what is told', () => {
  test('up, and down with the reason: AdminDown of either side is no failure of the path', () => {
    for (const [takeDown, cause, isFailure] of [
      [bench => bench.say({ state: 'admin-down' }), 'peer-admin-down', false],
      [bench => bench.session.disable(), 'disabled', false],
      [bench => bench.say({ state: 'down' }), 'peer-down', true],
      [bench => bench.clock.advance(901), 'detection-expired', true],
    ] as const satisfies readonly (readonly [(bench: Bench) => void, MoveCause, boolean])[]) {
      const bench = new Bench()
      bench.peer.send({ state: 'down' })
      bench.say({ state: 'init' })
      expect(bench.names()).toEqual(['bfd:state-changed', 'bfd:state-changed', 'bfd:up'])
      bench.told.length = 0
      takeDown(bench)
      expect(bench.told).toMatchObject([
        { name: 'bfd:state-changed', detail: { from: 'up', cause } },
        { name: 'bfd:down', detail: { session: '192.0.2.1', cause } },
      ])
      expect(isPathFailure(cause)).toBe(isFailure)
    }
  })

  test('a session that never comes up is no failure', () => {
    const bench = new Bench()
    bench.clock.advance(60_000)
    bench.peer.send({ state: 'down' })
    bench.clock.advance(60_000)
    expect(bench.names().filter(name => name !== 'bfd:state-changed')).toEqual([])
  })

  test('packets that do not leave: said once until one does, and no reason to go down', () => {
    const bench = new Bench().bringUp()
    bench.peer.sendProblem = { code: 'no-permission', detail: 'EPERM' }
    bench.watch(3_000)
    expect(bench.told).toEqual([
      { name: 'bfd:send-failed', detail: { session: '192.0.2.1', code: 'no-permission', detail: 'EPERM' } },
    ])
    expect([bench.session.state, bench.session.counters.sendFailures > 5]).toEqual(['up', true])
    bench.peer.sendProblem = undefined
    bench.watch(1_000)
    bench.peer.sendProblem = { code: 'no-route', detail: 'ENETUNREACH' }
    bench.watch(1_000)
    expect(bench.names()).toEqual(['bfd:send-failed', 'bfd:send-failed'])
  })
})

describe('stopping', () => {
  test('every peer is told AdminDown, and nothing is left', async () => {
    const bench = new Bench().bringUp()
    bench.open({ kind: 'single-hop', remote: address('192.0.2.2') })
    bench.peer.take()
    let isOver = false
    const stopped = bench.bfd.stop().then(() => (isOver = true))
    expect(bench.peer.take().map(({ state, diagnostic }) => [state, diagnostic])).toEqual([
      ['admin-down', 7],
      ['admin-down', 7],
    ])
    bench.clock.advance(2_999)
    await Promise.resolve()
    expect(isOver).toBe(false)
    bench.clock.advance(1)
    await stopped
    await bench.bfd.stop()
    expect([bench.bfd.sessions.size, bench.peer.isHeard, bench.clock.pending]).toEqual([0, false, 0])
  })

  test('what arrives afterwards, and what the old user still says, is nobody’s', async () => {
    const bench = new Bench().bringUp()
    void bench.handle.close()
    bench.clock.advance(3_000)
    bench.say({ state: 'down' })
    bench.handle.update({ receiveIntervalMs: 100 })
    bench.session.enable()
    await bench.handle.close()
    expect([bench.peer.take().some(({ state }) => state !== 'admin-down'), bench.clock.pending]).toEqual([false, 0])
  })
})

describe('counters', () => {
  test('[F-BGP-07] are what a capture shows', () => {
    const clock = new SimClock()
    const random = new SimRandom(3)
    const network = new SimNetwork({ clock, random }, { loss: 0.1, latencyMs: [1, 2] })
    const hosts = ['192.0.2.1', '192.0.2.2'].map(own => network.host([address(own)]))
    const sessions = hosts.map((host, i) => {
      const components = { clock, random, transport: host.transport, events: SILENT_EVENTS }
      const remote = hosts[1 - i]!.addresses[0]!
      const opened = createBfd(components).open(
        { kind: 'single-hop', remote },
        { echoMode: i === 0, echoTarget: i === 1 },
      )
      if (!opened.ok) throw new Error(opened.error.detail)
      return opened.value.session
    })
    clock.advance(60_000)
    network.settings.loss = 0
    clock.advance(30_000)
    network.cut(hosts[0]!, hosts[1]!)
    clock.advance(10_000)
    network.heal()
    clock.advance(10_000)
    const captured = (host: number, port: string, lost?: boolean): number =>
      network.captured.filter(
        one => one.from === hosts[host] && one.port === port && (lost === undefined || one.isLost === lost),
      ).length
    const [a, b] = sessions.map(({ counters }) => counters)
    clock.advance(5) // what is on its way arrives
    expect(network.captured.length).toBeLessThan(10_000)
    expect(a!.controlOut).toBe(captured(0, 'single-hop'))
    expect(b!.controlOut).toBe(captured(1, 'single-hop'))
    const arrived = (one: (typeof sessions)[0]): number =>
      one.counters.controlIn + Object.values(one.counters.discarded).reduce((sum, count) => sum + count, 0)
    expect(arrived(sessions[1]!)).toBe(captured(0, 'single-hop', false))
    expect(a!.upEvents).toBeGreaterThan(0)
    expect(a!.upEvents - a!.downEvents).toBe(1)
    expect(a!.echoOut).toBe(network.captured.filter(one => one.port === 'echo' && one.from === hosts[0]).length)
    expect(a!.echoIn).toBeGreaterThan(0)
  })

  test('[F-BGP-07] AdminDown of our own is no down event', () => {
    const bench = new Bench().bringUp()
    bench.session.disable()
    expect(bench.session.counters).toMatchObject({ upEvents: 1, downEvents: 0 })
  })

  test('a process that was held up says so', () => {
    const clock = new SimClock()
    let offset = 0
    const stalling = { ...bound(clock), now: () => clock.now() + offset }
    const told: string[] = []
    const peer = new ScriptedPeer(PEER)
    const events = { publish: (name: string, detail: object) => void told.push(`${name} ${JSON.stringify(detail)}`) }
    const bfd = createBfd({ clock: stalling, random: new SimRandom(1), transport: peer.transport, events })
    const opened = bfd.open({ kind: 'single-hop', remote: PEER })
    if (!opened.ok) throw new Error(opened.error.detail)
    const { session } = opened.value
    peer.send({ state: 'down' })
    peer.send({ state: 'up', yourDiscriminator: session.discriminator })
    clock.advance(250)
    peer.send({ state: 'up', yourDiscriminator: session.discriminator })
    offset += 2_000
    peer.send({ state: 'up', yourDiscriminator: session.discriminator }) // it waited in the socket
    clock.advance(300)
    expect(session.state).toBe('up')
    expect(session.counters.longestOverrunMs).toBeGreaterThan(1_700)
    expect(told.at(-1)).toMatch(/^bfd:stalled/)
  })
})

function bound(clock: SimClock): { setTimer: SimClock['setTimer']; wallTime: SimClock['wallTime'] } {
  return { setTimer: (ms, fire) => clock.setTimer(ms, fire), wallTime: () => clock.wallTime() }
}
