import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd } from '../src/index.ts'
import { scriptedControl, SimNetwork } from '../src/testing/index.ts'
import { encodeControl } from '../src/wire/index.ts'
import { Bench, PEER } from './bench.ts'

const SILENT_EVENTS = { publish: () => {} }

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

function shown({ session }: Bench): object {
  const { state, diagnostic, remote, timing, counters } = session
  return { state, diagnostic, remote, timing, counters: { ...counters, discarded: undefined } }
}
