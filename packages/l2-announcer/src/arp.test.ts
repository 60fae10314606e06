import { address, BROADCAST_MAC, mac, type Mac } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerArp, arpClaim, gratuitousArp } from './arp.ts'
import type { IgnoreReason } from './ignore.ts'
import type { Responder } from './responder.ts'
import { AnnouncedTable } from './table.ts'
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp, type ArpPacket } from './wire/arp.ts'
import { writeU16 } from './wire/ethernet.ts'

const OURS = mac('02:00:00:00:00:01')
const ASKER = mac('02:00:00:00:00:aa')
const HELD = address('192.0.2.10')
const value = (text: string): number => Number(address(text).value)

const responder: Responder = {
  interfaceName: 'eth0',
  mac: OURS,
  table: new AnnouncedTable([
    { address: HELD, interfaces: 'all' },
    { address: address('192.0.2.11'), interfaces: ['eth1'] },
  ]),
}

const request: ArpPacket = {
  destination: BROADCAST_MAC,
  source: ASKER,
  operation: ARP_REQUEST,
  senderMac: ASKER,
  senderAddress: value('192.0.2.200'),
  targetMac: 0 as Mac,
  targetAddress: Number(HELD.value),
}

const reply: ArpPacket = {
  destination: ASKER,
  source: OURS,
  operation: ARP_REPLY,
  senderMac: OURS,
  senderAddress: Number(HELD.value),
  targetMac: ASKER,
  targetAddress: value('192.0.2.200'),
}

function answer(change: Partial<ArpPacket>): ArpPacket | IgnoreReason {
  const result = answerArp(encodeArp({ ...request, ...change }), responder)
  if (typeof result === 'string') return result
  const decoded = decodeArp(result)
  if (typeof decoded === 'string') throw new Error(decoded)
  return decoded
}

describe('answerArp', () => {
  const answered: [string, Partial<ArpPacket>, Partial<ArpPacket>][] = [
    ['RFC 826: a broadcast request', {}, {}],
    ['RFC 826: a unicast request, as a neighbour revalidates', { destination: OURS }, {}],
    ['RFC 5227 §2.1.1: a probe, whose sender address is zero', { senderAddress: 0 }, { targetAddress: 0 }],
    [
      'RFC 5227 §3: an announcement of somebody else’s',
      { senderAddress: reply.senderAddress },
      { targetAddress: reply.senderAddress },
    ],
    ['a target hardware address that means nothing', { targetMac: BROADCAST_MAC }, {}],
    [
      'a bridge that rewrites the Ethernet source: the reply goes to the sender inside',
      { source: mac('02:00:00:00:00:bb') },
      {},
    ],
  ]
  it.each(answered)('[row 27] answers %s', (_, change, expected) => {
    expect(answer(change)).toEqual({ ...reply, ...expected })
  })

  const refused: [IgnoreReason, string, Partial<ArpPacket>][] = [
    ['not-a-request', 'a reply', { operation: ARP_REPLY }],
    ['not-a-request', 'a reverse request', { operation: 3 }],
    ['not-for-us', 'a request to another host', { destination: mac('02:00:00:00:00:02') }],
    ['not-for-us', 'a request to a multicast group', { destination: mac('01:00:5e:00:00:01') }],
    ['own-frame', 'our own frame, come back', { source: OURS, senderMac: OURS }],
    ['own-frame', 'a frame that says it is from us', { senderMac: OURS }],
    ['bad-source', 'a sender that is broadcast', { senderMac: BROADCAST_MAC }],
    ['bad-source', 'an Ethernet source that is a group', { source: mac('01:00:5e:00:00:01') }],
    ['not-announced', 'an address we do not hold', { targetAddress: value('192.0.2.12') }],
    ['not-on-this-interface', 'an address held on another interface', { targetAddress: value('192.0.2.11') }],
  ]
  it.each(refused)('[row 27] %s: %s', (reason, _, change) => {
    expect(answer(change)).toBe(reason)
  })

  const damaged: [IgnoreReason, string, (frame: Uint8Array) => Uint8Array][] = [
    ['too-short', 'nothing', () => new Uint8Array()],
    ['too-short', 'half a header', frame => frame.slice(0, 13)],
    ['too-short', 'one octet less than a packet', frame => frame.slice(0, 41)],
    ['vlan-tagged', 'a customer tag', frame => patched(frame, 12, 0x8100)],
    ['vlan-tagged', 'a service tag', frame => patched(frame, 12, 0x88a8)],
    ['not-arp', 'another EtherType', frame => patched(frame, 12, 0x0800)],
    ['not-ethernet-ipv4', 'another hardware type', frame => patched(frame, 14, 6)],
    ['not-ethernet-ipv4', 'another protocol type', frame => patched(frame, 16, 0x86dd)],
    ['not-ethernet-ipv4', 'another hardware length', frame => patched(frame, 18, 0x0804)],
    ['not-ethernet-ipv4', 'another protocol length', frame => patched(frame, 18, 0x0610)],
  ]
  it.each(damaged)('[row 27] %s: %s', (reason, _, damage) => {
    expect(answerArp(damage(encodeArp(request)), responder)).toBe(reason)
  })

  it('a runt that holds the whole packet is answered, and the answer is padded with zeros to 60 octets', () => {
    const result = answerArp(encodeArp(request).slice(0, 42), responder) as Uint8Array
    expect(result).toHaveLength(60)
    expect(result.slice(42)).toEqual(new Uint8Array(18))
  })

  it('any bytes return', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        const result = answerArp(bytes, responder)
        expect(typeof result === 'string' || result.length === 60).toBe(true)
        arpClaim(bytes, responder)
      }),
      { seed: 826, numRuns: 2_000 },
    )
  })

  it('any one octet changed: answered only by the rules', () => {
    const frame = encodeArp(request)
    fc.assert(
      fc.property(fc.nat({ max: 41 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = frame.slice()
        other[at] = other[at]! ^ change
        const result = answerArp(other, responder)
        const mayDiffer = (at >= 6 && at < 12) || (at >= 22 && at < 38)
        if (!mayDiffer) expect(typeof result).toBe('string')
        if (typeof result !== 'string')
          expect(decodeArp(result)).toMatchObject({ operation: ARP_REPLY, senderMac: OURS })
      }),
      { seed: 827, numRuns: 2_000 },
    )
  })
})

describe('gratuitousArp', () => {
  it('[row 29] a request with nothing as target, then a reply whose target is its sender; both to everyone', () => {
    const common = {
      destination: BROADCAST_MAC,
      source: OURS,
      senderMac: OURS,
      senderAddress: reply.senderAddress,
      targetAddress: reply.senderAddress,
    }
    expect(gratuitousArp(HELD, OURS).map(decodeArp)).toEqual([
      { ...common, operation: ARP_REQUEST, targetMac: 0 },
      { ...common, operation: ARP_REPLY, targetMac: OURS },
    ])
  })
})

describe('RFC 5227 §2.4 arpClaim', () => {
  const claim = (change: Partial<ArpPacket>): Mac | undefined =>
    arpClaim(encodeArp({ ...request, senderAddress: Number(HELD.value), ...change }), responder)?.mac

  it('a request from our address, another’s hardware', () => expect(claim({})).toBe(ASKER))
  it('a reply from our address', () => expect(claim({ operation: ARP_REPLY })).toBe(ASKER))
  it('our own announcement is none', () => expect(claim({ senderMac: OURS })).toBeUndefined())
  it('a probe is none: it claims nothing yet', () => expect(claim({ senderAddress: 0 })).toBeUndefined())
  it('a sender without hardware address is none', () => expect(claim({ senderMac: 0 as Mac })).toBeUndefined())
})

function patched(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice()
  writeU16(copy, at, value)
  return copy
}
