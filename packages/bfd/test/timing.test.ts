import { describe, expect, test } from 'vitest'
import { Bench, gaps, PEER_DISCRIMINATOR } from './bench.ts'

const most = (numbers: readonly number[]): number => Math.max(...numbers)
const least = (numbers: readonly number[]): number => Math.min(...numbers)
const STEP_MS = 1 // how finely a bench watches

describe('the schedule', () => {
  test('[F-TX-01] not up: a second between packets, however fast the session is meant to be', () => {
    const bench = new Bench({ profile: { transmitIntervalMs: 10, receiveIntervalMs: 10 } })
    expect(bench.peer.packets).toMatchObject([{ state: 'down', desiredMinTxUs: 1_000_000, requiredMinRxUs: 10_000 }])
    const idle = gaps(bench.watch(60_000, {}, Infinity))
    expect(least(idle)).toBeGreaterThanOrEqual(750)
    expect(most(idle)).toBeLessThanOrEqual(1_000 + STEP_MS)
    const init = bench.watch(30_000, { state: 'down' })
    expect(init.every(({ packet }) => packet.state === 'init' && packet.desiredMinTxUs === 1_000_000)).toBe(true)
    expect(least(gaps(init.slice(1)))).toBeGreaterThanOrEqual(750 - STEP_MS)
  })

  test('[F-TX-01] what is configured slower than that stays so', () => {
    const bench = new Bench({ profile: { transmitIntervalMs: 4_000 } })
    expect(least(gaps(bench.watch(60_000, {}, Infinity)))).toBeGreaterThanOrEqual(3_000)
  })

  test.each([
    ['our own', { transmitIntervalMs: 200 }, 100_000],
    ['the peer’s', { transmitIntervalMs: 50 }, 200_000],
  ])(
    '[F-TX-02] the larger interval, here %s, less up to a quarter of it, drawn for each packet',
    (_, profile, requiredMinRxUs) => {
      const bench = new Bench({ profile }).bringUp({ requiredMinRxUs })
      bench.watch(1_000, { state: 'up', requiredMinRxUs })
      const between = gaps(bench.watch(120_000, { state: 'up', requiredMinRxUs }))
      expect(least(between)).toBeGreaterThanOrEqual(150 - STEP_MS)
      expect(least(between)).toBeLessThan(155)
      expect(most(between)).toBeLessThanOrEqual(200 + STEP_MS)
      expect(most(between)).toBeGreaterThan(195)
      expect(new Set(between).size).toBeGreaterThan(30)
      expect(bench.session.timing.transmitIntervalMs).toBe(200)
    },
  )

  test('[F-TX-03] multiplier 1: 75 to 90 %, for no packet may be late', () => {
    const bench = new Bench({ profile: { transmitIntervalMs: 200, detectMultiplier: 1 } }).bringUp({
      requiredMinRxUs: 1,
    })
    const between = gaps(bench.watch(120_000, { state: 'up', requiredMinRxUs: 1 }))
    expect(least(between)).toBeGreaterThanOrEqual(150 - STEP_MS)
    expect(most(between)).toBeLessThanOrEqual(180 + STEP_MS)
    expect(most(between)).toBeGreaterThan(175)
  })

  test('[F-TX-04] up with a short interval: the timer of the long one does not run to its end', () => {
    const bench = new Bench({ profile: { transmitIntervalMs: 100 } })
    bench.peer.send({ state: 'down', requiredMinRxUs: 100_000 })
    bench.peer.take()
    bench.say({ state: 'init', requiredMinRxUs: 100_000 })
    const sent = bench.watch(1_000, { state: 'up', requiredMinRxUs: 100_000 })
    expect(sent.length).toBeGreaterThanOrEqual(9)
    expect(most(gaps(sent))).toBeLessThanOrEqual(100 + STEP_MS)
  })

  test('[F-TX-04] the peer’s interval falls: the next packet goes by the new one, counted from the last', () => {
    const bench = new Bench({ profile: { transmitIntervalMs: 100 } }).bringUp({ requiredMinRxUs: 1_000_000 })
    bench.watch(2_000, { state: 'up', requiredMinRxUs: 1_000_000 })
    const slow = bench.watch(1_000, { state: 'up', requiredMinRxUs: 1_000_000 })
    bench.clock.advance(40)
    bench.peer.take()
    const passed = bench.clock.now() - slow.at(-1)!.at
    expect(passed).toBeGreaterThan(40)
    bench.say({ state: 'up', requiredMinRxUs: 100_000 })
    const [first] = bench.watch(200, { state: 'up', requiredMinRxUs: 100_000 })
    expect(first!.at - slow.at(-1)!.at).toBeLessThanOrEqual(Math.max(100, passed) + STEP_MS)
  })

  test('[F-TX-02] [F-TX-04] intervals of an hour, asked for and taken back with every packet, leave no timers behind', () => {
    const bench = new Bench().bringUp()
    const hour = { state: 'up', requiredMinRxUs: 0xffff_ffff, desiredMinTxUs: 0xffff_ffff } as const
    const timers: number[] = []
    for (let i = 0; i < 100; i++) {
      bench.say(hour)
      bench.clock.advance(30_000)
      bench.say({ state: 'up' })
      bench.clock.advance(100)
      timers.push(bench.clock.pending)
    }
    expect([bench.session.state, most(timers)]).toEqual(['up', 2])
    bench.say(hour)
    bench.peer.take()
    const sent = bench.watch(3 * 3_600_000, hour, 60_000)
    expect(least(gaps(sent))).toBeGreaterThanOrEqual(0.75 * 4_294_967 - STEP_MS)
    expect(most(gaps(sent))).toBeLessThanOrEqual(4_294_967 + STEP_MS)
    expect(bench.session.counters.longestOverrunMs).toBe(0)
  })

  test('[F-TX-05] a change of state does not wait for the schedule', () => {
    const bench = new Bench().bringUp()
    bench.say({ state: 'down' })
    expect(bench.peer.take()).toMatchObject([{ state: 'down', diagnostic: 3 }])
  })

  test('[F-TX-06] passive: silent until it is spoken to, and again when the peer is forgotten', () => {
    const bench = new Bench({ profile: { passiveMode: true } })
    bench.clock.advance(60_000)
    expect(bench.peer.packets).toEqual([])
    bench.peer.send({ state: 'down' })
    expect(bench.peer.take()).toMatchObject([{ state: 'init', yourDiscriminator: PEER_DISCRIMINATOR }])
    bench.say({ state: 'up' })
    expect(bench.session.state).toBe('up')
    bench.clock.advance(901)
    expect([bench.session.state, bench.session.diagnostic]).toEqual(['down', 1])
    bench.peer.take()
    bench.clock.advance(60_000)
    expect(bench.peer.packets).toEqual([])
  })

  test('[F-TX-06] passive, and the peer already believes in a session: one packet of it ends the silence', () => {
    const bench = new Bench({ profile: { passiveMode: true } })
    bench.say({ state: 'up' })
    bench.clock.advance(0)
    expect(bench.peer.take()).toMatchObject([{ state: 'down', yourDiscriminator: PEER_DISCRIMINATOR }])
  })

  test('[F-TX-07] a peer that wants no packets gets Finals only', () => {
    const bench = new Bench().bringUp()
    bench.say({ state: 'up', requiredMinRxUs: 0 })
    expect(bench.watch(2_000, { state: 'up', requiredMinRxUs: 0 })).toEqual([])
    bench.say({ state: 'up', requiredMinRxUs: 0, isPoll: true })
    expect(bench.peer.take()).toMatchObject([{ isFinal: true, isPoll: false }])
    bench.say({ state: 'up' })
    expect(bench.watch(2_000).length).toBeGreaterThan(5)
  })

  test('[F-TX-08] a peer in demand mode hears nothing unasked while both are up, and its Polls are answered', () => {
    const bench = new Bench().bringUp()
    const demand = { state: 'up', isDemand: true } as const
    bench.say(demand)
    expect(bench.watch(5_000, demand)).toEqual([])
    bench.say({ ...demand, isPoll: true })
    expect(bench.peer.take()).toMatchObject([{ isFinal: true }])
    expect(bench.session.state).toBe('up')
    bench.say({ ...demand, state: 'down' })
    expect(bench.peer.take()).toMatchObject([{ state: 'down', diagnostic: 3 }])
    expect(bench.watch(5_000, { ...demand, state: 'admin-down' }).length).toBeGreaterThan(3)
  })

  test('[F-TX-08] and it is polled when our intervals change', () => {
    const demand = { state: 'up', isDemand: true } as const
    const bench = new Bench().bringUp(demand)
    bench.watch(1_000, demand)
    bench.handle.update({ receiveIntervalMs: 500 })
    expect(bench.watch(1_000, demand).length).toBeGreaterThan(2)
    bench.say({ ...demand, isFinal: true })
    expect(bench.watch(5_000, demand)).toEqual([])
  })
})

describe('Poll sequences', () => {
  const answered = { state: 'up', isFinal: true } as const

  test('[F-POLL-01] up: the new interval is polled for on packets of the schedule until the Final', () => {
    const bench = new Bench()
    bench.peer.send({ state: 'down' })
    bench.peer.take()
    bench.say({ state: 'init' })
    const sent = bench.watch(2_000)
    expect(bench.peer.take()).toEqual([])
    expect(sent.every(({ packet }) => packet.isPoll && !packet.isFinal && packet.desiredMinTxUs === 300_000)).toBe(true)
    expect(least(gaps(sent))).toBeGreaterThanOrEqual(225 - STEP_MS)
    bench.say(answered)
    expect(bench.watch(2_000).some(({ packet }) => packet.isPoll)).toBe(false)
  })

  test('[F-POLL-01] a Final that nobody asked for ends nothing', () => {
    const bench = new Bench().bringUp()
    bench.handle.update({ transmitIntervalMs: 1_000 })
    bench.say(answered) // before a packet with P went out
    expect(bench.session.timing.transmitIntervalMs).toBe(300)
    expect(bench.watch(300)).toMatchObject([{ packet: { isPoll: true } }])
  })

  test('[F-POLL-01] values that change while asking are asked for again, when copies of the old answer are over', () => {
    const bench = new Bench().bringUp()
    bench.handle.update({ transmitIntervalMs: 500 })
    expect(bench.watch(300)).toMatchObject([{ packet: { isPoll: true, desiredMinTxUs: 500_000 } }])
    bench.handle.update({ transmitIntervalMs: 1_000 })
    bench.say(answered)
    bench.say(answered)
    expect(bench.session.timing.transmitIntervalMs).toBe(300)
    expect(bench.watch(300, { state: 'up' }, 1_000)).toMatchObject([
      { packet: { isPoll: false, desiredMinTxUs: 1_000_000 } },
    ])
    bench.say({ state: 'up' })
    expect(bench.watch(300)).toMatchObject([{ packet: { isPoll: true, desiredMinTxUs: 1_000_000 } }])
    bench.say(answered)
    expect(bench.session.timing.transmitIntervalMs).toBe(1_000)
  })

  test('[F-POLL-02] slower sending waits for the answer', () => {
    const bench = new Bench().bringUp()
    bench.handle.update({ transmitIntervalMs: 1_000 })
    expect(most(gaps(bench.watch(3_000)))).toBeLessThanOrEqual(300 + STEP_MS)
    bench.say(answered)
    bench.watch(1_000)
    expect(least(gaps(bench.watch(10_000)))).toBeGreaterThanOrEqual(750 - STEP_MS)
  })

  test('[F-POLL-02] faster sending does not', () => {
    const bench = new Bench().bringUp({ requiredMinRxUs: 1_000 })
    bench.handle.update({ transmitIntervalMs: 50 })
    expect(most(gaps(bench.watch(1_000, { state: 'up', requiredMinRxUs: 1_000 })))).toBeLessThanOrEqual(50 + STEP_MS)
  })

  test('[F-POLL-02] a shorter detection time waits for the answer, a longer one does not', () => {
    const bench = new Bench({ profile: { receiveIntervalMs: 500 } }).bringUp()
    expect(bench.session.timing.detectionTimeMs).toBe(1_500)
    bench.handle.update({ receiveIntervalMs: 300 })
    bench.watch(1_000)
    expect(bench.session.timing.detectionTimeMs).toBe(1_500)
    bench.say(answered)
    expect(bench.session.timing.detectionTimeMs).toBe(900)
    bench.handle.update({ receiveIntervalMs: 2_000 })
    expect(bench.session.timing.detectionTimeMs).toBe(6_000)
    bench.clock.advance(5_900)
    expect(bench.session.state).toBe('up')
  })

  test('[F-POLL-03] a Poll has one Final at once, also while we are polling', () => {
    const bench = new Bench().bringUp()
    bench.handle.update({ transmitIntervalMs: 1_000 })
    bench.clock.advance(300)
    expect(bench.peer.take()).toMatchObject([{ isPoll: true }])
    bench.say({ state: 'up', isPoll: true })
    expect(bench.peer.take()).toMatchObject([{ isPoll: false, isFinal: true }])
  })

  test('[F-POLL-03] a flood of Polls has no flood of Finals', () => {
    const bench = new Bench().bringUp()
    let finals = 0
    for (let i = 0; i < 1_000; i++) {
      bench.clock.advance(0.1)
      bench.say({ state: 'up', isPoll: true })
      finals += bench.peer.take().filter(({ isFinal }) => isFinal).length
    }
    expect(finals).toBeGreaterThan(8)
    expect(finals).toBeLessThanOrEqual(11)
  })
})

describe('detection', () => {
  const MAX = 0xffff_ffff

  test.each([
    [
      'our interval, the peer’s multiplier',
      { receiveIntervalMs: 400 },
      { detectMultiplier: 5, desiredMinTxUs: 100_000 },
      2_000,
    ],
    ['the peer’s interval', { receiveIntervalMs: 100 }, { detectMultiplier: 2, desiredMinTxUs: 700_000 }, 1_400],
    ['an interval of 0', { receiveIntervalMs: 100 }, { detectMultiplier: 1, desiredMinTxUs: 0 }, 100],
    [
      'the largest there is',
      {},
      { detectMultiplier: 255, desiredMinTxUs: MAX, requiredMinRxUs: MAX },
      (255 * MAX) / 1_000,
    ],
  ])('[F-DET-01] %s', (_, profile, packet, ms) => {
    const bench = new Bench({ profile }).bringUp(packet)
    expect(bench.session.timing.detectionTimeMs).toBe(ms)
    bench.clock.advance(ms - 0.5)
    expect(bench.session.state).toBe('up')
    bench.clock.advance(2)
    expect(bench.session.state).toBe('down')
  })

  test('[F-DET-01] anew with each packet, also without a Poll', () => {
    const bench = new Bench().bringUp()
    for (const [detectMultiplier, desiredMinTxUs, ms] of [
      [2, 300_000, 600],
      [200, 300_000, 60_000],
      [3, 5_000_000, 15_000],
      [1, 1, 300],
    ] as const) {
      bench.say({ state: 'up', detectMultiplier, desiredMinTxUs })
      expect(bench.session.timing.detectionTimeMs).toBe(ms)
    }
  })

  test('[F-DET-02] [F-ST-05] silence in Init and in Up: down, diagnostic 1, and nothing is known of the peer', () => {
    const bench = new Bench()
    bench.peer.send({ state: 'down' })
    expect(bench.session.state).toBe('init')
    bench.clock.advance(901)
    expect([bench.session.state, bench.session.diagnostic, bench.session.remote]).toEqual(['down', 1, undefined])
    bench.bringUp()
    bench.clock.advance(901)
    expect([bench.session.state, bench.session.diagnostic, bench.session.remote]).toEqual(['down', 1, undefined])
    expect(bench.peer.take().at(-1)).toMatchObject({ state: 'down', diagnostic: 1, yourDiscriminator: 0 })
  })

  test('[F-ST-05] in Down, too, the peer is forgotten, and what it asked for with it', () => {
    const bench = new Bench()
    bench.say({ state: 'up', requiredMinRxUs: 10_000_000 })
    expect(bench.session.timing.transmitIntervalMs).toBe(10_000)
    bench.clock.advance(901)
    expect([bench.session.remote, bench.session.timing.transmitIntervalMs]).toEqual([undefined, 1_000])
  })
})

describe('administration', () => {
  test('[F-ADM-01] disabled: AdminDown with diagnostic 7, at once and for as long as it is so; enabled: Down', () => {
    const bench = new Bench().bringUp()
    bench.session.disable()
    expect(bench.peer.take()).toMatchObject([{ state: 'admin-down', diagnostic: 7, isPoll: false }])
    const sent = bench.watch(30_000, { state: 'down' })
    expect(sent.length).toBeGreaterThanOrEqual(29)
    expect(sent.every(({ packet }) => packet.state === 'admin-down' && packet.diagnostic === 7)).toBe(true)
    bench.session.enable()
    expect(bench.peer.take()).toMatchObject([{ state: 'down', diagnostic: 0 }])
    bench.bringUp()
    expect(bench.session.state).toBe('up')
  })

  test('[F-ADM-01] disabled while asking: nothing is asked any more', () => {
    const bench = new Bench().bringUp()
    bench.handle.update({ transmitIntervalMs: 1_000 })
    expect(bench.watch(300)).toMatchObject([{ packet: { isPoll: true } }])
    bench.session.disable()
    expect(bench.watch(5_000, { state: 'down' }).some(({ packet }) => packet.isPoll)).toBe(false)
  })

  test('[F-ADM-01] closed: AdminDown for the peer’s detection time, then nothing', async () => {
    const bench = new Bench().bringUp()
    let isOver = false
    void bench.handle.close().then(() => (isOver = true))
    const sent = [...bench.peer.take(), ...bench.watch(2_999, { state: 'down' }).map(({ packet }) => packet)]
    expect(sent.length).toBeGreaterThanOrEqual(3)
    expect(sent.every(({ state }) => state === 'admin-down')).toBe(true)
    await Promise.resolve()
    expect([isOver, bench.bfd.sessions.size]).toEqual([false, 1])
    bench.clock.advance(2)
    await Promise.resolve()
    expect([isOver, bench.bfd.sessions.size, bench.peer.isHeard, bench.clock.pending]).toEqual([true, 0, false, 0])
  })

  test('[F-ADM-01] a peer that asks for the longest of intervals does not keep us from ending', () => {
    const bench = new Bench().bringUp({ requiredMinRxUs: 0xffff_ffff })
    void bench.handle.close()
    bench.clock.advance(30_000)
    expect(bench.bfd.sessions.size).toBe(0)
  })

  test('closed with nobody there: over at once', async () => {
    const bench = new Bench()
    await bench.handle.close()
    expect([bench.bfd.sessions.size, bench.clock.pending]).toEqual([0, 0])
  })
})
