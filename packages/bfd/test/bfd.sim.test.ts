import { describe, expect, test } from 'vitest'
import { SimPair, type End } from './pair.ts'

const SEEDS = Number(process.env['BFD_SIM_SEEDS'] ?? 10_000)
const BLOCKS = 10
const UP_WITHIN_MS = 300_000 // with a third of all packets lost
const QUIET_MS = 5_000
const READ_FIRST_MS = 1

/** What holds for every seed: the whole life of a session on a path that gets better, worse, and better. */
function live(seed: number): void {
  const pair = new SimPair(seed)
  const { clock, network, ends } = pair
  const context = `seed ${seed}`

  pair.set({ loss: pair.random.next() * 0.35 })
  expect(
    pair.until(() => pair.isUp, UP_WITHIN_MS),
    `${context}: up in spite of loss`,
  ).toBe(true)

  pair.set({ loss: 0 })
  expect(pair.settles(), `${context}: up to stay without loss`).toBe(true)
  forget(ends)
  clock.advance(QUIET_MS)
  expect(told(ends), `${context}: no false alarm`).toEqual([])

  const changed = ends[seed % 2]!
  const { profile } = changed.session
  pair.calm() // a change that is overtaken by an older packet may cost a flap
  changed.handle.update({
    ...profile,
    transmitIntervalMs: profile.transmitIntervalMs * 3,
    receiveIntervalMs: profile.receiveIntervalMs * 2,
  })
  clock.advance(QUIET_MS)
  changed.handle.update({ ...profile, detectMultiplier: profile.detectMultiplier + 1 })
  clock.advance(QUIET_MS)
  expect(told(ends), `${context}: no flap when a profile changes`).toEqual([])

  const [deaf, other] = pair.random.next() < 0.5 ? ends : ([ends[1], ends[0]] as const)
  network.cut(other.host, deaf.host)
  const cutAt = clock.now()
  const within = realMs(deaf, deaf.session.timing.detectionTimeMs!) + READ_FIRST_MS * 2
  const otherWithin = realMs(other, other.session.timing.detectionTimeMs!) + READ_FIRST_MS * 2
  expect(
    pair.until(() => deaf.session.state !== 'up', within + 1),
    `${context}: deaf, and not down`,
  ).toBe(true)
  expect(clock.now() - cutAt, `${context}: detection time`).toBeLessThanOrEqual(within)
  expect(deaf.session.diagnostic, context).toBe(1)
  const limit = pair.mostLatencyMs + (deaf.session.profile.passiveMode ? otherWithin : 0)
  expect(
    pair.until(() => other.session.state !== 'up', limit + 1),
    `${context}: not told`,
  ).toBe(true)
  expect(other.session.diagnostic, context).toBe(deaf.session.profile.passiveMode ? other.session.diagnostic : 3)
  forget(ends)
  clock.advance(QUIET_MS)
  expect(
    told(ends).filter(line => line.startsWith('bfd:up')),
    `${context}: up one way`,
  ).toEqual([])

  network.heal()
  expect(
    pair.until(() => pair.isUp, UP_WITHIN_MS),
    `${context}: up again`,
  ).toBe(true)

  expect(pair.settles(), `${context}: up to stay again`).toBe(true)

  void deaf.handle.close()
  expect(
    pair.until(() => other.session.state === 'down', pair.mostLatencyMs * 2),
    context,
  ).toBe(true)
  expect(other.session.remote?.state, `${context}: AdminDown said`).toBe('admin-down')
  clock.advance(60_000)
  expect(other.session.state, context).toBe('down')
}

describe('[F-ST-02] two sessions over links that lose, delay, reorder and repeat, with clocks that drift', () => {
  for (let block = 0; block < BLOCKS; block++) {
    const [first, last] = [Math.floor((SEEDS * block) / BLOCKS), Math.floor((SEEDS * (block + 1)) / BLOCKS)]
    test(`seeds ${first} to ${last - 1}: up, no false alarm, down in time, up again`, () => {
      for (let seed = first; seed < last; seed++) live(seed)
    })
  }
})

test('[F-ST-02] the same seed gives the same trace', () => {
  const trace = (): string[] => {
    const pair = new SimPair(42)
    pair.set({ loss: 0.3 })
    pair.clock.advance(60_000)
    return told(pair.ends)
  }
  expect(trace().length).toBeGreaterThan(2)
  expect(trace()).toEqual(trace())
})

function realMs({ rate }: End, ms: number): number {
  return ms / rate
}

function told(ends: readonly End[]): string[] {
  return ends.flatMap(({ told }) => told)
}

function forget(ends: readonly End[]): void {
  for (const { told } of ends) told.length = 0
}
