import { address } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { Demultiplexer, type Addressee, type BfdPath, type ControlDatagram } from '../src/index.ts'
import { scriptedControl } from '../src/testing/index.ts'
import { encodeControl, encodeEcho, type ControlPacket } from '../src/wire/index.ts'

const PEER = address('192.0.2.1')
const PEER6 = address('fe80::1')
const FAR = address('198.51.100.1')
const OURS = address('192.0.2.10')

interface Named extends Addressee {
  readonly name: string
}

const session = (name: string, discriminator: number, path: BfdPath, minimumTtl = 254): Named => ({
  name,
  discriminator,
  path,
  minimumTtl,
})

const SESSIONS: readonly Named[] = [
  session('single', 1, { kind: 'single-hop', remote: PEER }),
  session('v6 on eth0', 2, { kind: 'single-hop', remote: PEER6, interface: 'eth0' }),
  session('v6 on eth1', 3, { kind: 'single-hop', remote: PEER6, interface: 'eth1' }),
  session('multi', 4, { kind: 'multihop', remote: FAR, local: OURS }),
  session('multi from elsewhere', 5, { kind: 'multihop', remote: FAR, local: address('192.0.2.11') }, 60),
  session('multi to the neighbour', 6, { kind: 'multihop', remote: PEER, local: OURS }),
  session('red', 7, { kind: 'single-hop', remote: PEER, vrf: 'red' }),
]

function table(unknownTtl: 'reject' | 'trust-filter' = 'reject'): Demultiplexer<Named> {
  const all = new Demultiplexer<Named>({ unknownTtl })
  for (const one of SESSIONS) all.add(one)
  return all
}

function result(
  packet: Partial<ControlPacket> | Uint8Array,
  arrival: Partial<ControlDatagram> = {},
  all = table(),
): string {
  const bytes = packet instanceof Uint8Array ? packet : encodeControl(scriptedControl(packet))
  const datagram = {
    port: 'single-hop' as const,
    source: PEER,
    ttl: 255,
    interface: 'eth0',
    destination: OURS,
    ...arrival,
  }
  const found = all.control({ bytes, ...datagram })
  return found.ok ? found.value.session.name : found.error.reason
}

const MULTI = { port: 'multihop', source: FAR, ttl: 254 } as const

describe('which session a control packet is for', () => {
  test('[F-RX-03] Your Discriminator selects it, whoever sends from wherever', () => {
    expect(result({ yourDiscriminator: 2, state: 'up' }, { source: address('203.0.113.9'), interface: 'eth7' })).toBe(
      'v6 on eth0',
    )
    expect(result({ yourDiscriminator: 1, state: 'up' }, { source: PEER6 })).toBe('single')
  })

  test('[F-RX-03] a number of nobody’s is discarded, the sender’s own included', () => {
    expect(result({ yourDiscriminator: 99, state: 'up' })).toBe('unknown-your-discriminator')
    expect(result({ yourDiscriminator: 0x0a0b0c0d, state: 'down' })).toBe('unknown-your-discriminator')
  })

  test('[F-RX-04] Init and Up without Your Discriminator', () => {
    expect(result({ state: 'init' })).toBe('zero-your-discriminator')
    expect(result({ state: 'up' })).toBe('zero-your-discriminator')
    expect(result({ state: 'down' })).toBe('single')
    expect(result({ state: 'admin-down' })).toBe('single')
  })

  test('[F-RX-05] single hop: by peer and interface', () => {
    expect(result({}, { source: PEER6, interface: 'eth0' })).toBe('v6 on eth0')
    expect(result({}, { source: PEER6, interface: 'eth1' })).toBe('v6 on eth1')
    expect(result({}, { source: PEER6, interface: 'eth2' })).toBe('no-session')
    expect(result({}, { source: address('192.0.2.2') })).toBe('no-session')
    expect(result({}, { vrf: 'red' })).toBe('red')
    expect(result({}, { vrf: 'blue' })).toBe('no-session')
  })

  test('[F-RX-05] a session that names the interface comes before one that names none', () => {
    const all = table()
    all.add(session('on eth0', 8, { kind: 'single-hop', remote: PEER, interface: 'eth0' }))
    expect(result({}, { interface: 'eth0' }, all)).toBe('on eth0')
    expect(result({}, { interface: 'eth1' }, all)).toBe('single')
  })

  test('[F-RX-05] a session that names our address hears what came to it only', () => {
    const all = new Demultiplexer<Named>({ unknownTtl: 'reject' })
    all.add(session('from .10', 8, { kind: 'single-hop', remote: PEER, local: OURS }))
    all.add(session('from .11', 9, { kind: 'single-hop', remote: PEER, local: address('192.0.2.11') }))
    expect(result({}, {}, all)).toBe('from .10')
    expect(result({}, { destination: address('192.0.2.11') }, all)).toBe('from .11')
    expect(result({}, { destination: address('192.0.2.12') }, all)).toBe('no-session')
  })

  test('[F-RX-05] multihop: by peer and local address', () => {
    expect(result({}, MULTI)).toBe('multi')
    expect(result({}, { ...MULTI, destination: address('192.0.2.11') })).toBe('multi from elsewhere')
    expect(result({}, { ...MULTI, destination: address('192.0.2.12') })).toBe('no-session')
    expect(result({}, { ...MULTI, source: PEER })).toBe('multi to the neighbour')
  })

  test('a session that was taken out is found no more', () => {
    const all = table()
    all.remove(SESSIONS[0]!)
    expect(result({}, {}, all)).toBe('no-session')
    expect(result({ yourDiscriminator: 1, state: 'up' }, {}, all)).toBe('unknown-your-discriminator')
    expect(result({}, MULTI, all)).toBe('multi')
    expect(all.size).toBe(SESSIONS.length - 1)
  })

  test('our own packet, reflected, is no packet of a peer', () => {
    expect(result({ myDiscriminator: 1 }, { source: OURS })).toBe('no-session')
    expect(result({ myDiscriminator: 1, yourDiscriminator: 0x0a0b0c0d, state: 'up' }, { source: OURS })).toBe(
      'unknown-your-discriminator',
    )
  })

  test('both ends may have the same number', () => {
    expect(result({ myDiscriminator: 1, yourDiscriminator: 1, state: 'up' })).toBe('single')
  })
})

describe('what is discarded', () => {
  test('[F-RX-07] single hop: any TTL but 255', () => {
    for (let ttl = 0; ttl < 255; ttl++) expect(result({}, { ttl })).toBe('ttl')
    expect(result({}, { source: PEER6, ttl: 254 })).toBe('ttl')
    expect(result({ yourDiscriminator: 1, state: 'up' }, { ttl: 254 })).toBe('ttl')
  })

  test('[F-RX-07] a TTL that the transport does not tell: as the policy says', () => {
    expect(result({}, { ttl: undefined })).toBe('ttl-unknown')
    expect(result({}, { ...MULTI, ttl: undefined })).toBe('ttl-unknown')
    expect(result({}, { ttl: undefined }, table('trust-filter'))).toBe('single')
    expect(result({}, { ...MULTI, ttl: undefined }, table('trust-filter'))).toBe('multi')
  })

  test('[F-RX-08] multihop: a TTL below the minimum of the session, not at it', () => {
    expect(result({}, { ...MULTI, ttl: 254 })).toBe('multi')
    expect(result({}, { ...MULTI, ttl: 253 })).toBe('minimum-ttl')
    const elsewhere = { ...MULTI, destination: address('192.0.2.11') }
    expect(result({}, { ...elsewhere, ttl: 60 })).toBe('multi from elsewhere')
    expect(result({}, { ...elsewhere, ttl: 59 })).toBe('minimum-ttl')
  })

  test('[F-RX-09] the port of the other kind, however the session was found', () => {
    expect(result({ yourDiscriminator: 1, state: 'up' }, { port: 'multihop' })).toBe('wrong-port')
    expect(result({ yourDiscriminator: 4, state: 'up' })).toBe('wrong-port')
    expect(result({}, { port: 'multihop', source: PEER6 })).toBe('no-session')
    expect(result({}, { source: FAR })).toBe('no-session')
  })

  test('[F-RX-12] Poll and Final together', () => {
    expect(result({ isPoll: true, isFinal: true })).toBe('poll-and-final')
  })

  test('[F-RX-06] authentication, of whatever type: none is in use', () => {
    for (const authentication of [
      { kind: 'simple-password', keyId: 1, password: Uint8Array.of(1) },
      { kind: 'keyed-sha1', keyId: 1, sequence: 1, digest: new Uint8Array(20) },
      { kind: 'unknown', type: 200, data: new Uint8Array(3) },
      { kind: 'malformed', octets: Uint8Array.of(1, 0) },
    ] as const)
      expect(result({ authentication })).toBe('authentication-unexpected')
  })

  test('the first reason is the one that counts', () => {
    const good = encodeControl(scriptedControl({ isPoll: true, isFinal: true, yourDiscriminator: 4, state: 'up' }))
    const broken = (changes: Readonly<Record<number, number>>): Uint8Array =>
      Object.entries(changes).reduce((bytes, [at, value]) => bytes.with(Number(at), value), good)
    const discriminator = { 4: 0, 5: 0, 6: 0, 7: 0 }
    const m = good[1]! | 1
    expect(result(broken({ 0: 0, 1: m, 2: 0, 3: 0, ...discriminator }).subarray(0, 23), { ttl: 1 })).toBe('ttl')
    expect(result(broken({ 0: 0, 1: m, 2: 0, 3: 0, ...discriminator }).subarray(0, 23))).toBe('payload-too-short')
    expect(result(broken({ 0: 0, 1: m, 2: 0, 3: 0, ...discriminator }))).toBe('bad-version')
    expect(result(broken({ 1: m, 2: 0, 3: 0, ...discriminator }))).toBe('length-below-minimum')
    expect(result(broken({ 1: m, 2: 0, 3: 99, ...discriminator }))).toBe('length-beyond-payload')
    expect(result(broken({ 1: m, 2: 0, ...discriminator }))).toBe('zero-detect-multiplier')
    expect(result(broken({ 1: m, ...discriminator }))).toBe('multipoint')
    expect(result(broken(discriminator))).toBe('zero-my-discriminator')
    expect(result(broken({ 11: 99 }))).toBe('unknown-your-discriminator')
    expect(result(broken({ 11: 0 }))).toBe('zero-your-discriminator')
    expect(result(good)).toBe('wrong-port')
    expect(result(good, { ...MULTI, ttl: 3 })).toBe('minimum-ttl')
    expect(result(good, MULTI)).toBe('poll-and-final')
  })
})

describe('which session an echo is of', () => {
  const echo = (myDiscriminator: number, ttl = 254): string => {
    const bytes = encodeEcho({ myDiscriminator, sentAt: 0 })
    const found = table().echo({ bytes, port: 'echo', source: OURS, ttl })
    return found.ok ? found.value.session.name : found.error.reason
  }

  test('[F-ECHO-01] its own number, passed on exactly once', () => {
    expect(echo(1)).toBe('single')
    expect(echo(99)).toBe('echo-not-ours')
    expect(echo(1, 255)).toBe('echo-ttl')
    expect(echo(1, 253)).toBe('echo-ttl')
    expect(table().echo({ bytes: new Uint8Array(5), port: 'echo', source: OURS, ttl: 254 })).toMatchObject({
      error: { reason: 'echo-not-ours' },
    })
  })
})
