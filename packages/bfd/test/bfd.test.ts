import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd, isPathFailure, type BfdPath, type MoveCause } from '../src/index.ts'
import { scriptedControl, ScriptedPeer, SimNetwork } from '../src/testing/index.ts'
import { encodeControl } from '../src/wire/index.ts'
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

describe('what is received', () => {
  test('[F-RX-10] the source port may be any, and another one with every packet', () => {
    const clock = new SimClock()
    const random = new SimRandom(1)
    const network = new SimNetwork({ clock, random })
    const [ours, theirs] = [network.host([address('192.0.2.10')]), network.host([PEER])]
    const bfd = createBfd({ clock, random, transport: ours.transport, events: SILENT_EVENTS })
    const opened = bfd.open({ kind: 'single-hop', remote: PEER })
    if (!opened.ok) throw new Error(opened.error.detail)
    const { session } = opened.value
    for (const [sourcePort, state] of [
      [40_311, 'down'],
      [1_024, 'init'],
    ] as const) {
      const path = { kind: 'single-hop', remote: address('192.0.2.10') } as const
      const sender = theirs.transport.open({ path, sourcePort, ttl: 255 })
      const yourDiscriminator = state === 'down' ? 0 : session.discriminator
      if (sender.ok) sender.value.send(encodeControl(scriptedControl({ state, yourDiscriminator })))
      clock.advance(10)
    }
    expect(session.state).toBe('up')
  })

  test('[F-RX-11] a discarded packet changes its counter only', () => {
    const bench = new Bench().bringUp()
    const before = shown(bench)
    const pending = bench.clock.pending
    const up = { state: 'up', yourDiscriminator: bench.session.discriminator } as const
    const good = encodeControl(scriptedControl(up))
    const bad: readonly (readonly [string, () => void])[] = [
      ['ttl', () => bench.peer.send({ ...up, state: 'down' }, { ttl: 254 })],
      ['ttl-unknown', () => bench.peer.send({ ...up, state: 'down' }, { ttl: undefined })],
      ['payload-too-short', () => bench.peer.sendBytes(new Uint8Array(0))],
      ['bad-version', () => bench.peer.sendBytes(good.with(0, 0x40))],
      ['length-below-minimum', () => bench.peer.sendBytes(good.with(3, 23))],
      ['length-beyond-payload', () => bench.peer.sendBytes(good.with(3, 25))],
      ['zero-detect-multiplier', () => bench.peer.sendBytes(good.with(2, 0))],
      ['multipoint', () => bench.peer.sendBytes(good.with(1, 0xe1))],
      ['zero-my-discriminator', () => bench.peer.send({ ...up, state: 'down', myDiscriminator: 0 })],
      ['unknown-your-discriminator', () => bench.peer.send({ ...up, yourDiscriminator: bench.session.discriminator ^ 1 })],
      ['zero-your-discriminator', () => bench.peer.send({ ...up, yourDiscriminator: 0, isPoll: true })],
      ['no-session', () => bench.peer.send({ state: 'down' }, { source: address('192.0.2.99') })],
      ['poll-and-final', () => bench.say({ state: 'down', isPoll: true, isFinal: true })],
      ['authentication-unexpected', () => bench.say({ state: 'down', authentication: { kind: 'unknown', type: 9, data: new Uint8Array(1) } })],
      ['echo-not-ours', () => bench.peer.sendBytes(good, { port: 'echo', ttl: 254 })],
    ] // prettier-ignore
    bench.clock.advance(100)
    for (const [reason, send] of bad) {
      send()
      expect(bench.bfd.discarded, reason).toMatchObject({ [reason]: 1 })
    }
    expect(shown(bench)).toEqual(before)
    expect([bench.peer.take(), bench.told, bench.clock.pending]).toEqual([[], [], pending])
    bench.clock.advance(801)
    expect(bench.session.state).toBe('down') // nobody restarted the detection timer
  })

  test('[F-RX-09] a multihop session hears nothing on the single-hop port', () => {
    const path = { kind: 'multihop', remote: address('198.51.100.1'), local: address('192.0.2.10') } as const
    const bench = new Bench({ path })
    bench.say({ state: 'init' })
    expect(bench.session.state).toBe('up')
    bench.peer.send({ yourDiscriminator: bench.session.discriminator, state: 'down' }, { port: 'single-hop' })
    expect(bench.session.state).toBe('up') // its port is not even open
  })

  test('[F-RX-12] Poll and Final together have no answer', () => {
    const bench = new Bench().bringUp()
    bench.say({ state: 'up', isPoll: true, isFinal: true })
    expect([bench.peer.take(), bench.session.counters.discarded['poll-and-final']]).toEqual([[], 1])
  })

  test('[F-RX-06] authentication that we do not use: the session does not come up, and says why', () => {
    const bench = new Bench()
    bench.peer.send({ authentication: { kind: 'simple-password', keyId: 1, password: Uint8Array.of(1) } })
    expect(bench.session.state).toBe('down')
    expect(bench.session.counters.discarded['authentication-unexpected']).toBe(1)
  })

  test('both ends may have the same discriminator', () => {
    const bench = new Bench()
    const myDiscriminator = bench.session.discriminator
    bench.peer.send({ state: 'down', myDiscriminator })
    bench.say({ state: 'init', myDiscriminator })
    expect(bench.session.state).toBe('up')
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

describe('several users of a path', () => {
  test('[F-BGP-05] share a session, and it ends with the last', async () => {
    const bench = new Bench({ profile: { receiveIntervalMs: 500 } }).bringUp()
    const second = bench.open({ kind: 'single-hop', remote: PEER }, { receiveIntervalMs: 100, detectMultiplier: 5 })
    if (!second.ok) throw new Error(second.error.detail)
    expect(second.value.session).toBe(bench.session)
    expect(bench.session.profile).toMatchObject({ receiveIntervalMs: 100, detectMultiplier: 3 })
    await bench.handle.close()
    expect([bench.session.state, bench.bfd.sessions.size]).toEqual(['up', 1])
    expect(bench.session.profile).toMatchObject({ receiveIntervalMs: 100, detectMultiplier: 5 })
    void second.value.close()
    expect(bench.session.state).toBe('admin-down')
    bench.clock.advance(5_001)
    expect(bench.bfd.sessions.size).toBe(0)
  })

  test('[F-BGP-05] a path that is opened again while it ends goes on', async () => {
    const bench = new Bench().bringUp()
    const closed = bench.handle.close()
    bench.clock.advance(1_000)
    const again = bench.open({ kind: 'single-hop', remote: PEER })
    await closed
    expect([again.ok && again.value.session === bench.session, bench.session.state]).toEqual([true, 'down'])
    bench.clock.advance(60_000)
    expect(bench.bfd.sessions.size).toBe(1)
    await bench.handle.close()
    expect(bench.bfd.sessions.size).toBe(1)
  })

  test('different paths to one peer are different sessions', () => {
    const bench = new Bench()
    const paths: readonly BfdPath[] = [
      { kind: 'single-hop', remote: PEER, interface: 'eth1' },
      { kind: 'single-hop', remote: PEER, vrf: 'red' },
      { kind: 'multihop', remote: PEER, local: address('192.0.2.10') },
      { kind: 'single-hop', remote: address('2001:db8::1') },
    ]
    for (const path of paths) expect(bench.open(path).ok).toBe(true)
    expect([...bench.bfd.sessions.keys()]).toEqual([
      '192.0.2.1',
      '192.0.2.1%eth1',
      '192.0.2.1 in red',
      '192.0.2.1 from 192.0.2.10 multihop',
      '2001:db8::1',
    ])
  })

  test('a path or a profile that cannot be is refused', () => {
    const bench = new Bench()
    const [v4, v6, link] = ['192.0.2.1', '2001:db8::1', 'fe80::1'].map(address) as [
      typeof PEER,
      typeof PEER,
      typeof PEER,
    ]
    expect(() => bench.open({ kind: 'single-hop', remote: link })).toThrow(RangeError)
    expect(() => bench.open({ kind: 'multihop', remote: link, local: v6 })).toThrow(RangeError)
    expect(() => bench.open({ kind: 'multihop', remote: v4, local: v6 })).toThrow(RangeError)
    expect(() => bench.open({ kind: 'multihop', remote: v4, local: v4 })).toThrow(RangeError)
    for (const profile of [
      { receiveIntervalMs: 9 },
      { transmitIntervalMs: 60_001 },
      { detectMultiplier: 0 },
      { detectMultiplier: 256 },
      { echoIntervalMs: 1.5 },
      { minimumTtl: 255 },
    ])
      expect(() => bench.handle.update(profile), JSON.stringify(profile)).toThrow(RangeError)
  })
})

describe('profiles', () => {
  test('[F-BGP-06] each field is where it belongs, and the defaults are FRR’s', () => {
    const path = { kind: 'multihop', remote: PEER, local: address('192.0.2.10') } as const
    expect(new Bench().session.profile).toEqual({
      receiveIntervalMs: 300,
      transmitIntervalMs: 300,
      detectMultiplier: 3,
      echoIntervalMs: 50,
      echoMode: false,
      echoTarget: false,
      passiveMode: false,
      minimumTtl: 254,
    })
    const bench = new Bench({
      path,
      profile: { receiveIntervalMs: 110, transmitIntervalMs: 120, detectMultiplier: 7, minimumTtl: 200 },
    })
    bench.peer.send({ state: 'down' }, { ttl: 199 })
    expect(bench.session.state).toBe('down')
    bench.peer.send({ state: 'down' }, { ttl: 200, destination: address('192.0.2.10') })
    bench.say({ state: 'init' })
    expect(bench.peer.take().at(-1)).toMatchObject({
      state: 'up',
      requiredMinRxUs: 110_000,
      desiredMinTxUs: 120_000,
      detectMultiplier: 7,
      requiredMinEchoRxUs: 0,
    })
  })

  test('[F-BGP-06] any change while up is made by Poll, and the session stays up on both sides', () => {
    const random = new SimRandom(5)
    const between = (least: number, most: number): number => least + Math.floor(random.next() * (most - least))
    const clock = new SimClock()
    const network = new SimNetwork({ clock, random })
    const [a, b] = [side('192.0.2.1', '192.0.2.2'), side('192.0.2.2', '192.0.2.1')]
    clock.advance(5_000)
    a.told.length = b.told.length = 0
    for (let i = 0; i < 200; i++) {
      const changed = random.next() < 0.5 ? a : b
      changed.handle.update({
        receiveIntervalMs: between(10, 3_000),
        transmitIntervalMs: between(10, 3_000),
        detectMultiplier: between(2, 6),
      })
      clock.advance(between(1, 9_000))
    }
    clock.advance(20_000)
    expect([...a.told, ...b.told]).toEqual([])
    expect(a.handle.session.timing.transmitIntervalMs).toBe(
      Math.max(a.handle.session.profile.transmitIntervalMs, b.handle.session.profile.receiveIntervalMs),
    )
    expect(network.captured.some(({ bytes }) => (bytes[1]! & 0x20) !== 0)).toBe(true)

    function side(own: string, other: string) {
      const told: string[] = []
      const { transport } = network.host([address(own)])
      const events = { publish: (name: string) => void told.push(name) }
      const opened = createBfd({ clock, random, transport, events }).open({
        kind: 'single-hop',
        remote: address(other),
      })
      if (!opened.ok) throw new Error(opened.error.detail)
      return { told, handle: opened.value }
    }
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

function shown({ session }: Bench): object {
  const { state, diagnostic, remote, timing, counters } = session
  return { state, diagnostic, remote, timing, counters: { ...counters, discarded: undefined } }
}
