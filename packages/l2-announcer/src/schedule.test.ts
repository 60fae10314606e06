import { address, formatAddress } from '@metallb-ts/netip'
import { MachineRunner } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  initialSchedule,
  stepSchedule,
  type Announce,
  type HeldAddress,
  type ScheduleInput,
  type ScheduleSettings,
  type ScheduleState,
  type ScheduleTimer,
} from './schedule.ts'

const held = (text: string): HeldAddress => ({ address: address(text), text })
const many = (count: number): HeldAddress[] =>
  Array.from({ length: count }, (_, i) => {
    const value = address('198.18.0.0').value + BigInt(i)
    return { address: { family: 'ipv4', value }, text: formatAddress({ family: 'ipv4', value }) }
  })

interface Sent {
  readonly at: number
  readonly text: string
  readonly why: Announce['why']
}

function run(settings: Partial<ScheduleSettings> = { refreshMs: 0 }): {
  clock: SimClock
  sent: Sent[]
  machine: MachineRunner<ScheduleState, ScheduleInput, Announce, ScheduleTimer>
} {
  const clock = new SimClock()
  const sent: Sent[] = []
  const machine = new MachineRunner<ScheduleState, ScheduleInput, Announce, ScheduleTimer>(
    { clock, random: new SimRandom(5) },
    {
      initial: initialSchedule(settings),
      step: stepSchedule,
      perform: ({ address, why }) => void sent.push({ at: clock.now(), text: address.text, why }),
      expired: timer => ({ type: timer }),
    },
  )
  return { clock, sent, machine }
}

const times = (sent: readonly Sent[], text: string): number[] =>
  sent.filter(each => each.text === text).map(({ at }) => at)

describe('stepSchedule', () => {
  it('[row 29] IPv4: at once, then after 50, 250, 1100, 2200 and 4400 ms', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1')] })
    clock.advance(60_000)
    expect(times(sent, '192.0.2.1')).toEqual([0, 50, 250, 1_100, 2_200, 4_400])
    expect(machine.timers).toEqual([])
  })

  it('[row 29] IPv6: at once and three times more', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('2001:db8::1')] })
    clock.advance(60_000)
    expect(times(sent, '2001:db8::1')).toEqual([0, 50, 250, 2_200])
  })

  it('paces: four addresses a millisecond at first, one in five later, all of them at least twice', () => {
    const { clock, sent, machine } = run()
    const addresses = many(500)
    machine.dispatch({ type: 'gained', addresses })
    clock.advance(60_000)
    const first = sent.filter(({ why }) => why === 'gained')
    expect(first.map(({ text }) => text)).toEqual(addresses.map(({ text }) => text))
    expect(first.at(-1)!.at).toBe(499 / 4)
    const repeated = sent.filter(({ why }) => why === 'repeated').map(({ at }) => at)
    expect(Math.min(...repeated.slice(1).map((at, i) => at - repeated[i]!))).toBe(5)
    for (const { text } of addresses) expect(times(sent, text).length).toBeGreaterThanOrEqual(2)
  })

  it('a late timer makes up for what it missed, sixteen at most', () => {
    let step = stepSchedule(initialSchedule({ refreshMs: 0 }), { type: 'gained', addresses: many(100) }, 0)
    expect(step.effects.filter(({ type }) => type === 'announce')).toHaveLength(1)
    step = stepSchedule(step.state, { type: 'tick' }, 3)
    expect(step.effects.filter(({ type }) => type === 'announce')).toHaveLength(12)
    step = stepSchedule(step.state, { type: 'tick' }, 5_000)
    expect(step.effects.filter(({ type }) => type === 'announce')).toHaveLength(16)
  })

  it('[row 29] what is lost is not announced again', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1'), held('192.0.2.2')] })
    clock.advance(60)
    machine.dispatch({ type: 'lost', addresses: ['192.0.2.1'] })
    clock.advance(60_000)
    expect(times(sent, '192.0.2.1')).toEqual([0, 50])
    expect(times(sent, '192.0.2.2')).toHaveLength(6)
  })

  it('a restored link is told everything anew', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1')] })
    clock.advance(10_000)
    machine.dispatch({ type: 'link-restored' })
    clock.advance(300)
    expect(times(sent, '192.0.2.1').slice(6)).toEqual([10_000, 10_050, 10_250])
  })

  it('a healed network is told what is left when the others have had their say', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1'), held('192.0.2.2'), held('2001:db8::1')] })
    clock.advance(10_000)
    sent.length = 0
    machine.dispatch({ type: 'network-healed' })
    clock.advance(20)
    machine.dispatch({ type: 'lost', addresses: ['192.0.2.1'] })
    clock.advance(10_000)
    expect(sent.map(({ at, text }) => [at, text])).toEqual([
      [10_050, '192.0.2.2'],
      [10_051, '2001:db8::1'],
      [12_250, '192.0.2.2'],
    ])
  })

  it('refreshes every address about once a minute, as long as it is held', () => {
    const { clock, sent, machine } = run({})
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1'), held('2001:db8::1')] })
    clock.advance(10_000)
    sent.length = 0
    clock.advance(600_000)
    for (const text of ['192.0.2.1', '2001:db8::1']) {
      expect(times(sent, text).length).toBeGreaterThanOrEqual(8)
      expect(times(sent, text).length).toBeLessThanOrEqual(13)
    }
    machine.dispatch({ type: 'lost', addresses: ['192.0.2.1', '2001:db8::1'] })
    expect(machine.timers).toEqual([])
  })

  it('RFC 5227 §2.4 (c): a claim is answered at once, then once in ten seconds', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1')] })
    clock.advance(20_000)
    sent.length = 0
    for (let i = 0; i < 25; i++) {
      machine.dispatch({ type: 'claimed', address: '192.0.2.1', isPeer: false })
      clock.advance(1_000)
    }
    expect(sent).toEqual([20_000, 30_000, 40_000].map(at => ({ at, text: '192.0.2.1', why: 'defended' })))
  })

  it('a peer’s claim is not contradicted at once; who still holds the address a little later says so', () => {
    const { clock, sent, machine } = run()
    machine.dispatch({ type: 'gained', addresses: [held('192.0.2.1'), held('192.0.2.2')] })
    clock.advance(20_000)
    sent.length = 0
    machine.dispatch({ type: 'claimed', address: '192.0.2.1', isPeer: true })
    machine.dispatch({ type: 'claimed', address: '192.0.2.2', isPeer: true })
    clock.advance(10)
    machine.dispatch({ type: 'lost', addresses: ['192.0.2.2'] })
    clock.advance(1_000)
    expect(sent).toEqual([20_050, 20_250].map(at => ({ at, text: '192.0.2.1', why: 'repeated' })))
  })

  it('a claim of what we do not hold is nothing to us', () => {
    const { sent, machine } = run()
    machine.dispatch({ type: 'claimed', address: '192.0.2.1', isPeer: false })
    expect(sent).toEqual([])
  })

  it('any inputs: never an address that is not held, never more than the pacing allows, and every gain is told', () => {
    const texts = many(12)
    const input = fc.oneof(
      fc.subarray(texts, { minLength: 1 }).map((addresses): ScheduleInput => ({ type: 'gained', addresses })),
      fc
        .subarray(texts, { minLength: 1 })
        .map((list): ScheduleInput => ({ type: 'lost', addresses: list.map(({ text }) => text) })),
      fc.constant<ScheduleInput>({ type: 'link-restored' }),
      fc.constant<ScheduleInput>({ type: 'network-healed' }),
      fc
        .tuple(fc.constantFrom(...texts), fc.boolean())
        .map(([{ text }, isPeer]): ScheduleInput => ({ type: 'claimed', address: text, isPeer })),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat({ max: 400 }))), steps => {
        const { clock, sent, machine } = run({})
        let seen = 0
        for (const [input, wait] of steps) {
          const from = clock.now()
          machine.dispatch(input)
          clock.advance(wait)
          const news = sent.slice(seen)
          seen = sent.length
          for (const { text } of news) expect(machine.state.held.has(text)).toBe(true)
          expect(news.filter(({ why }) => why !== 'defended').length).toBeLessThanOrEqual(4 * (clock.now() - from) + 16)
        }
        const wanted = [...machine.state.held.keys()]
        clock.advance(1_000)
        expect(machine.state.fresh).toEqual([])
        for (const text of wanted) expect(times(sent, text).length).toBeGreaterThan(0)
        machine.stop()
      }),
      { seed: 5227, numRuns: 200 },
    )
  })
})
