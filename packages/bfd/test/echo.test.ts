import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd, type BfdPath, type BfdProfile, type BfdSession } from '../src/index.ts'
import { SimNetwork, type SimHost } from '../src/testing/index.ts'
import { encodeEcho } from '../src/wire/index.ts'
import { Bench, gaps, PEER } from './bench.ts'

const ECHOING: BfdProfile = { echoMode: true, echoIntervalMs: 100 }
const TARGET: BfdProfile = { echoTarget: true, echoIntervalMs: 50 }
const V4: BfdPath = { kind: 'single-hop', remote: PEER }
const WANTED = 50_000 // microseconds between echoes that the peer returns

describe('who may send echoes', () => {
  const echoesOf = (path: BfdPath, profile: BfdProfile, requiredMinEchoRxUs: number): number => {
    const bench = new Bench({ path, profile }).bringUp({ requiredMinEchoRxUs })
    bench.watch(1_000, { state: 'up', requiredMinEchoRxUs })
    return bench.peer.echoes.length
  }

  test('[F-ECHO-01] both ends wanting it, on one hop of IPv4', () => {
    expect(echoesOf(V4, ECHOING, WANTED)).toBeGreaterThan(0)
    expect(echoesOf(V4, ECHOING, 0)).toBe(0)
    expect(echoesOf(V4, {}, WANTED)).toBe(0)
    expect(echoesOf({ kind: 'single-hop', remote: address('2001:db8::1') }, ECHOING, WANTED)).toBe(0)
    expect(echoesOf({ kind: 'multihop', remote: PEER, local: address('192.0.2.10') }, ECHOING, WANTED)).toBe(0)
  })

  test('[F-ECHO-01] not before the session is up, and no longer when it is down', () => {
    const bench = new Bench({ profile: ECHOING })
    bench.peer.send({ state: 'down', requiredMinEchoRxUs: WANTED })
    bench.clock.advance(800)
    expect(bench.peer.echoes).toEqual([])
    bench.bringUp({ requiredMinEchoRxUs: WANTED })
    bench.clock.advance(0)
    expect(bench.peer.echoes.length).toBe(1)
    bench.say({ state: 'down', requiredMinEchoRxUs: WANTED })
    bench.clock.advance(800)
    expect(bench.peer.echoes.length).toBe(1)
  })

  test('[F-ECHO-01] the peer that wants none any more gets none', () => {
    const bench = new Bench({ profile: ECHOING }).bringUp({ requiredMinEchoRxUs: WANTED })
    bench.say({ state: 'up', requiredMinEchoRxUs: 0 })
    bench.watch(2_000, { state: 'up', requiredMinEchoRxUs: 0 })
    expect([bench.peer.echoes.length, bench.session.state]).toEqual([0, 'up'])
  })

  test('[F-ECHO-01] we advertise 0, unless our kernel returns echoes', () => {
    const advertised = (profile: BfdProfile, path: BfdPath = V4): number | undefined =>
      new Bench({ path, profile }).peer.packets[0]?.requiredMinEchoRxUs
    expect(advertised({})).toBe(0)
    expect(advertised(ECHOING)).toBe(0)
    expect(advertised(TARGET)).toBe(50_000)
    expect(advertised(TARGET, { kind: 'single-hop', remote: address('2001:db8::1') })).toBe(0)
    expect(advertised(TARGET, { kind: 'multihop', remote: PEER, local: address('192.0.2.10') })).toBe(0)
  })
})

describe('echoes on the way', () => {
  interface Pair {
    readonly clock: SimClock
    readonly network: SimNetwork
    readonly hosts: readonly [SimHost, SimHost]
    readonly sessions: readonly [BfdSession, BfdSession]
  }

  function pair(profiles: readonly [BfdProfile, BfdProfile]): Pair {
    const clock = new SimClock()
    const random = new SimRandom(11)
    const network = new SimNetwork({ clock, random })
    const hosts = [network.host([address('192.0.2.1')]), network.host([address('192.0.2.2')])] as const
    const sessions = hosts.map((host, i) => {
      const bfd = createBfd({ clock, random, transport: host.transport, events: { publish: () => {} } })
      const opened = bfd.open({ kind: 'single-hop', remote: hosts[1 - i]!.addresses[0]! }, profiles[i]!)
      if (!opened.ok) throw new Error(opened.error.detail)
      return opened.value.session
    })
    clock.advance(5_000)
    return { clock, network, hosts, sessions: sessions as [BfdSession, BfdSession] }
  }

  test('[F-ECHO-01] go as often as both allow, and come back', () => {
    const { clock, network, hosts, sessions } = pair([ECHOING, { ...TARGET, echoIntervalMs: 200 }])
    expect(sessions[0].timing.echoIntervalMs).toBe(200)
    network.captured.length = 0
    clock.advance(60_000)
    const sent = network.captured.filter(({ from, port }) => from === hosts[0] && port === 'echo')
    const between = gaps(sent.map(({ at }) => ({ at, packet: undefined as never })))
    expect([Math.min(...between) >= 150, Math.max(...between) <= 200]).toEqual([true, true])
    expect(sessions[0].counters.echoIn).toBeGreaterThan(300)
    expect(sessions[0].state).toBe('up')
  })

  test('[F-ECHO-01] [F-ST-03] stay away: down with diagnostic 2, control packets or not', () => {
    const { clock, hosts, sessions } = pair([ECHOING, TARGET])
    hosts[1].forwards = false
    const cutAt = clock.now()
    while (sessions[0].state === 'up' && clock.next());
    expect(sessions[0].diagnostic).toBe(2)
    expect(clock.now() - cutAt).toBeLessThanOrEqual(306)
    clock.advance(5)
    expect([sessions[1].remote?.diagnostic, sessions[1].diagnostic]).toEqual([2, 3])
  })

  test('may be turned on and off while up', () => {
    const bench = new Bench().bringUp({ requiredMinEchoRxUs: WANTED })
    bench.handle.update(ECHOING)
    bench.clock.advance(150)
    expect(bench.peer.echoes.length).toBe(2)
    bench.handle.update({})
    bench.watch(2_000, { state: 'up', requiredMinEchoRxUs: WANTED })
    expect([bench.peer.echoes.length, bench.session.state]).toEqual([2, 'up'])
  })
})

describe('echoes that are not taken', () => {
  const bench = new Bench({ profile: ECHOING }).bringUp({ requiredMinEchoRxUs: WANTED })
  const returned = (sentAt: number, myDiscriminator = bench.session.discriminator): object => {
    bench.peer.sendBytes(encodeEcho({ myDiscriminator, sentAt }), { port: 'echo', ttl: 254 })
    const { counters } = bench.session
    return { in: counters.echoIn, stale: counters.discarded['echo-stale'], none: bench.bfd.discarded['echo-not-ours'] }
  }

  test('[F-ECHO-01] older than what is waited for, from the future, of somebody else', () => {
    bench.clock.advance(250)
    const now = bench.clock.now()
    expect(returned(now)).toEqual({ in: 1, stale: 0, none: 0 })
    expect(returned(now - 301)).toEqual({ in: 1, stale: 1, none: 0 })
    expect(returned(now + 5)).toEqual({ in: 1, stale: 2, none: 0 })
    expect(returned(now, 12)).toEqual({ in: 1, stale: 2, none: 1 })
  })

  test('[F-ECHO-01] where none are sent', () => {
    const quiet = new Bench().bringUp()
    quiet.peer.sendBytes(encodeEcho({ myDiscriminator: quiet.session.discriminator, sentAt: 0 }), {
      port: 'echo',
      ttl: 254,
    })
    expect(quiet.session.counters).toMatchObject({ echoIn: 0, discarded: { 'echo-unexpected': 1 } })
  })
})
