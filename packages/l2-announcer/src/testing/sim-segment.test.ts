import { address, mac, type Mac } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { gratuitousArp } from '../arp.ts'
import { unsolicitedAdvertisement } from '../ndp.ts'
import { encodeArp } from '../wire/arp.ts'
import { SimHost } from './sim-host.ts'
import { SimSegment } from './sim-segment.ts'

const A = mac('02:00:00:00:00:0a')
const B = mac('02:00:00:00:00:0b')
const STRANGER = mac('02:00:00:00:00:0f')
const A4 = address('192.0.2.1')
const B4 = address('192.0.2.2')
const A6 = address('2001:db8::1')
const B6 = address('2001:db8::2')

let clock: SimClock
let segment: SimSegment
let a: SimHost
let b: SimHost
let stranger: ReturnType<SimSegment['plug']>

beforeEach(() => {
  clock = new SimClock()
  segment = new SimSegment({ clock, random: new SimRandom(1) })
  a = new SimHost(clock, segment, { mac: A, addresses: [A4, A6] })
  b = new SimHost(clock, segment, { mac: B, addresses: [B4, B6] })
  stranger = segment.plug(() => {})
})

function replyTo(destination: Mac, targetMac: Mac): Uint8Array {
  const value = Number(B4.value)
  return encodeArp({
    destination,
    source: STRANGER,
    operation: 2,
    senderMac: STRANGER,
    senderAddress: value,
    targetMac,
    targetAddress: value,
  })
}

const BROADCAST = mac('ff:ff:ff:ff:ff:ff')

describe.each([
  ['IPv4', B4],
  ['IPv6', B6],
])('%s neighbours', (_, target) => {
  it('are asked for, found, and used', () => {
    expect(a.send(target)).toBe(false)
    clock.advance(1)
    expect(a.send(target)).toBe(true)
    expect(a.neighbor(target)).toMatchObject({ mac: B, state: 'reachable' })
  })

  it('go stale, and are probed by unicast when used', () => {
    a.send(target)
    clock.advance(30_001)
    expect(a.neighbor(target)?.state).toBe('stale')
    a.send(target)
    expect(a.neighbor(target)?.state).toBe('delay')
    clock.advance(5_000.2)
    expect(a.neighbor(target)?.state).toBe('reachable')
  })

  it('that do not answer the probe are asked for again, then given up', () => {
    a.send(target)
    clock.advance(30_001)
    b.port.cut()
    a.send(target)
    clock.advance(5_000 + 3_000 + 1)
    expect(a.neighbor(target)?.state).toBe('incomplete')
    clock.advance(3_000)
    expect(a.neighbor(target)?.state).toBe('failed')
  })
})

describe('what Linux believes of ARP', () => {
  beforeEach(() => {
    a.send(B4)
    clock.advance(10)
  })

  it('a gratuitous request replaces an entry at once', () => {
    stranger.send(gratuitousArp(B4, STRANGER)[0])
    clock.advance(1)
    expect(a.neighbor(B4)).toMatchObject({ mac: STRANGER, state: 'stale' })
  })

  it('a reply whose target is its sender replaces it at once as well', () => {
    stranger.send(replyTo(BROADCAST, STRANGER))
    clock.advance(1)
    expect(a.neighbor(B4)?.mac).toBe(STRANGER)
  })

  it('any other reply only once the entry is older than the lock time', () => {
    stranger.send(replyTo(BROADCAST, BROADCAST))
    clock.advance(1)
    expect(a.neighbor(B4)?.mac).toBe(B)
    clock.advance(1_000)
    stranger.send(replyTo(BROADCAST, BROADCAST))
    clock.advance(1)
    expect(a.neighbor(B4)?.mac).toBe(STRANGER)
  })

  it('hearsay makes no entry', () => {
    const c = new SimHost(clock, segment, { mac: mac('02:00:00:00:00:0c'), addresses: [address('192.0.2.3')] })
    for (const frame of gratuitousArp(B4, STRANGER)) stranger.send(frame)
    clock.advance(1)
    expect(c.neighbor(B4)).toBeUndefined()
  })
})

describe('what Linux believes of advertisements', () => {
  it('Override replaces a reachable entry', () => {
    a.send(B6)
    clock.advance(10)
    stranger.send(unsolicitedAdvertisement(B6, STRANGER))
    clock.advance(1)
    expect(a.neighbor(B6)).toMatchObject({ mac: STRANGER, state: 'stale' })
  })
})

describe('the switch', () => {
  it('learns: after an answer, frames go to one port', () => {
    a.send(B4)
    clock.advance(1)
    expect(segment.locationOf(B)).toBe(b.port)
    expect(segment.locationOf(STRANGER)).toBeUndefined()
  })

  it('forgets', () => {
    a.send(B4)
    clock.advance(300_001)
    expect(segment.locationOf(B)).toBeUndefined()
  })

  it('follows a hardware address that moves', () => {
    a.send(B4)
    clock.advance(1)
    for (const frame of gratuitousArp(address('192.0.2.99'), B)) stranger.send(frame)
    clock.advance(1)
    expect(segment.locationOf(B)).toBe(stranger)
  })

  it('snooping: a group nobody joined gets nothing', () => {
    const snooping = new SimSegment({ clock, random: new SimRandom(1) }, { isSnooping: true })
    const asker = new SimHost(clock, snooping, { mac: A, addresses: [A6] })
    const deaf = new SimHost(clock, snooping, { mac: B, addresses: [B6] })
    deaf.port.joined.clear()
    asker.send(B6)
    clock.advance(1)
    expect(asker.neighbor(B6)?.mac).toBeUndefined()
    expect(deaf.heardNeighbor).toEqual([])
  })

  it('a cut wire carries nothing, either way', () => {
    b.port.cut()
    a.send(B4)
    clock.advance(1)
    expect(b.heard).toEqual([])
    b.port.restore()
    clock.advance(1_000)
    expect(a.neighbor(B4)?.mac).toBe(B)
  })

  it('loss loses about its share', () => {
    const lossy = new SimSegment({ clock, random: new SimRandom(5) }, { loss: 0.5 })
    let heard = 0
    lossy.plug(() => heard++)
    const port = lossy.plug(() => {})
    for (let i = 0; i < 1_000; i++) port.send(gratuitousArp(A4, A)[0])
    clock.advance(1)
    expect(heard).toBeGreaterThan(400)
    expect(heard).toBeLessThan(600)
  })
})
