import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd, type BfdPath } from '../src/index.ts'
import { SimNetwork } from '../src/testing/index.ts'
import { Bench, PEER } from './bench.ts'

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

  test('[F-BGP-05] of what they ask for the strictest holds', () => {
    const bench = new Bench({ profile: { minimumTtl: 250, transmitIntervalMs: 100, passiveMode: true } })
    bench.open({ kind: 'single-hop', remote: PEER }, { minimumTtl: 200, receiveIntervalMs: 50, echoMode: true })
    expect(bench.session.profile).toEqual({
      receiveIntervalMs: 50,
      transmitIntervalMs: 100,
      detectMultiplier: 3,
      echoIntervalMs: 50,
      echoMode: true,
      echoTarget: false,
      passiveMode: false,
      minimumTtl: 250,
    })
  })

  test('a session that ends leaves the others their socket', async () => {
    const bench = new Bench()
    const other = bench.open({ kind: 'single-hop', remote: address('192.0.2.2') })
    if (other.ok) await other.value.close()
    bench.peer.send({ state: 'down' })
    expect(bench.session.state).toBe('init')
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
    expect(bench.open({ kind: 'single-hop', remote: link })).toMatchObject({ error: { code: 'impossible-path' } })
    expect(bench.open({ kind: 'multihop', remote: link, local: v6 })).toMatchObject({
      error: { code: 'impossible-path' },
    })
    expect(bench.open({ kind: 'multihop', remote: v4, local: v6 })).toMatchObject({
      error: { code: 'impossible-path' },
    })
    expect(bench.open({ kind: 'multihop', remote: v4, local: v4 })).toMatchObject({
      error: { code: 'impossible-path' },
    })
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
