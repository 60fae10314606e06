import { address, mac, type Mac } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IgnoreReason } from './ignore.ts'
import { answerNeighborSolicitation, neighborClaim, unsolicitedAdvertisement } from './ndp.ts'
import type { Responder } from './responder.ts'
import { AnnouncedTable } from './table.ts'
import { multicastMac, writeU16 } from './wire/ethernet.ts'
import {
  ALL_NODES,
  decodeNeighborMessage,
  encodeNeighborMessage,
  FLAG_OVERRIDE,
  FLAG_ROUTER,
  FLAG_SOLICITED,
  icmpv6Checksum,
  NDP,
  NEIGHBOR_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  solicitedNodeGroup,
  type NeighborMessage,
} from './wire/icmpv6.ts'

const OURS = mac('02:00:00:00:00:01')
const ASKER = mac('02:00:00:00:00:aa')
const HELD = address('2001:db8::10:abcd')
const CLIENT = address('2001:db8::c')
const UNSPECIFIED = address('::')
const GROUP = solicitedNodeGroup(HELD)

const responder: Responder = {
  interfaceName: 'eth0',
  mac: OURS,
  table: new AnnouncedTable([
    { address: HELD, interfaces: 'all' },
    { address: address('2001:db8:1::10:abcd'), interfaces: ['eth1'] }, // the same last 32 bits, elsewhere
  ]),
}

const solicitation: NeighborMessage = {
  etherDestination: multicastMac(GROUP),
  etherSource: ASKER,
  source: CLIENT,
  destination: GROUP,
  type: NEIGHBOR_SOLICITATION,
  flags: 0,
  target: HELD,
  linkAddress: ASKER,
}

const advertisement: NeighborMessage = {
  etherDestination: ASKER,
  etherSource: OURS,
  source: HELD,
  destination: CLIENT,
  type: NEIGHBOR_ADVERTISEMENT,
  flags: FLAG_SOLICITED | FLAG_OVERRIDE,
  target: HELD,
  linkAddress: OURS,
}

const toAll: NeighborMessage = {
  ...advertisement,
  etherDestination: mac('33:33:00:00:00:01'),
  destination: ALL_NODES,
  flags: FLAG_OVERRIDE,
}

function decoded(result: Uint8Array | IgnoreReason): NeighborMessage | string {
  return typeof result === 'string' ? result : decodeNeighborMessage(result)
}

function answer(change: Partial<NeighborMessage>, by = responder): NeighborMessage | string {
  return decoded(answerNeighborSolicitation(encodeNeighborMessage({ ...solicitation, ...change }), by))
}

const UNICAST = { etherDestination: OURS, destination: HELD }
const PROBE = { source: UNSPECIFIED, linkAddress: undefined }
const OTHER_HARDWARE = mac('02:00:00:00:00:bb')

describe('answerNeighborSolicitation', () => {
  const answered: [string, Partial<NeighborMessage>, NeighborMessage][] = [
    ['§7.2.4 multicast, from a unicast source', {}, advertisement],
    [
      '§7.2.4 multicast without a source link-layer address, which MetalLB drops',
      { linkAddress: undefined },
      advertisement,
    ],
    [
      '§7.2.4 to the link-layer address inside, not to that of the frame',
      { linkAddress: OTHER_HARDWARE },
      { ...advertisement, etherDestination: OTHER_HARDWARE },
    ],
    ['§7.3.3 a unicast probe for reachability', UNICAST, advertisement],
    [
      '§7.3.3 a unicast probe without a source link-layer address',
      { ...UNICAST, linkAddress: undefined },
      advertisement,
    ],
    ['RFC 6085 multicast sent to our hardware address', { etherDestination: OURS }, advertisement],
    ['RFC 4862 §5.4.3 another host’s check for duplicates', PROBE, toAll],
  ]
  it.each(answered)('[row 28] answers %s', (_, change, expected) => {
    expect(answer(change)).toEqual(expected)
  })

  const refused: [IgnoreReason, string, Partial<NeighborMessage>][] = [
    ['not-a-solicitation', 'an advertisement', { type: NEIGHBOR_ADVERTISEMENT }],
    ['own-frame', 'our own frame, come back', { etherSource: OURS }],
    ['bad-source', 'an Ethernet source that is a group', { etherSource: mac('33:33:00:00:00:01') }],
    ['bad-source', 'a source that is multicast', { source: ALL_NODES }],
    ['bad-target', 'a target that is multicast', { target: ALL_NODES }],
    ['bad-option', 'a check for duplicates with a link-layer address', { ...PROBE, linkAddress: ASKER }],
    ['bad-destination', 'a check for duplicates sent to the address itself', { ...PROBE, ...UNICAST }],
    [
      'bad-destination',
      'a check for duplicates sent to all nodes',
      { ...PROBE, destination: ALL_NODES, etherDestination: multicastMac(ALL_NODES) },
    ],
    ['bad-option', 'a link-layer address that is a group', { linkAddress: mac('33:33:00:00:00:01') }],
    ['not-for-us', 'a frame to another host', { etherDestination: OTHER_HARDWARE }],
    ['not-for-us', 'a frame to a group its IPv6 destination is not', { etherDestination: mac('33:33:00:00:00:02') }],
    ['not-announced', 'an address we do not hold', { target: address('2001:db8::11') }],
    ['not-announced', 'an address with the same last 32 bits', { target: address('2001:db8:2::10:abcd') }],
    ['not-on-this-interface', 'an address held on another interface', { target: address('2001:db8:1::10:abcd') }],
  ]
  it.each(refused)('[row 28] %s: %s', (reason, _, change) => {
    expect(answer(change)).toBe(reason)
  })

  const damaged: [IgnoreReason, string, (frame: Uint8Array) => Uint8Array][] = [
    ['too-short', 'nothing', () => new Uint8Array()],
    ['too-short', 'less than a message', frame => frame.slice(0, 77)],
    ['too-short', 'a payload length past the frame', frame => u16(frame, NDP.payloadLength, 200)],
    ['too-short', 'a payload shorter than a message', frame => u16(frame, NDP.payloadLength, 23)],
    ['vlan-tagged', 'a customer tag', frame => u16(frame, 12, 0x8100)],
    ['not-icmpv6', 'another EtherType', frame => u16(frame, 12, 0x0800)],
    ['not-icmpv6', 'another IP version', frame => u8(frame, NDP.version, 0x40)],
    ['not-icmpv6', 'an extension header (RFC 6980 §5 forbids fragments)', frame => u8(frame, NDP.nextHeader, 44)],
    ['not-a-solicitation', 'another code', frame => summed(u8(frame, NDP.code, 1))],
    ['not-a-solicitation', 'a router solicitation', frame => summed(u8(frame, NDP.type, 133))],
    ['bad-hop-limit', '§7.1.1 a packet that may have crossed a router', frame => u8(frame, NDP.hopLimit, 254)],
    ['bad-checksum', '§7.1.1 one bit off', frame => u8(frame, NDP.checksum, frame[NDP.checksum]! ^ 1)],
    ['bad-option', '§7.1.1 an option of no length', frame => summed(u8(frame, NDP.options + 1, 0))],
    ['bad-option', '§7.1.1 an option past the packet', frame => summed(u8(frame, NDP.options + 1, 2))],
  ]
  it.each(damaged)('[row 28] %s: %s', (reason, _, damage) => {
    expect(answerNeighborSolicitation(damage(encodeNeighborMessage(solicitation)), responder)).toBe(reason)
  })

  it('RFC 3971 §5.3.2: a nonce, and options nobody knows, are walked over', () => {
    const frame = withOptions(
      [14, 1, 1, 2, 3, 4, 5, 6],
      [200, 2, ...new Array<number>(14).fill(7)],
      [1, 1, 2, 0, 0, 0, 0, 0xbb],
    )
    expect(decoded(answerNeighborSolicitation(frame, responder))).toEqual({
      ...advertisement,
      etherDestination: OTHER_HARDWARE,
    })
  })

  it('RFC 7527 §4: a check for duplicates with a nonce is answered, the nonce not echoed', () => {
    const frame = withOptions([14, 1, 1, 2, 3, 4, 5, 6])
    frame.fill(0, NDP.source, NDP.source + 16)
    expect(decoded(answerNeighborSolicitation(summed(frame), responder))).toEqual(toAll)
  })

  it('any bytes return', () => {
    const header = encodeNeighborMessage(solicitation).slice(0, NDP.type)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, isLikely) => {
        const frame = isLikely ? likely(header, bytes) : bytes
        const result = answerNeighborSolicitation(frame, responder)
        expect(typeof result === 'string' || result.length === 86).toBe(true)
        neighborClaim(frame, responder)
        decodeNeighborMessage(frame)
      }),
      { seed: 4861, numRuns: 3_000 },
    )
  })

  it('any options return, and an answer goes to one host', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 24 }), { maxLength: 4 }), options => {
        const result = answerNeighborSolicitation(withOptions(...options.map(option => [...option])), responder)
        if (typeof result === 'string') return
        expect(result[0]! & 1).toBe(0)
      }),
      { seed: 4862, numRuns: 2_000 },
    )
  })
})

describe('unsolicitedAdvertisement', () => {
  it('[row 29] §7.2.6: to all nodes, Override set, Solicited clear', () => {
    expect(decoded(unsolicitedAdvertisement(HELD, OURS))).toEqual(toAll)
  })
})

describe('neighborClaim', () => {
  const claim = (change: Partial<NeighborMessage>): Mac | undefined =>
    neighborClaim(encodeNeighborMessage({ ...toAll, etherSource: ASKER, linkAddress: ASKER, ...change }), responder)
      ?.mac

  it('another’s advertisement of our address', () => expect(claim({})).toBe(ASKER))
  it('without a link-layer address: the frame’s', () => expect(claim({ linkAddress: undefined })).toBe(ASKER))
  it('a router’s as well', () => expect(claim({ flags: FLAG_ROUTER | FLAG_OVERRIDE })).toBe(ASKER))
  it('ours is none', () => expect(claim({ linkAddress: OURS })).toBeUndefined())
  it('a solicitation is none', () => expect(claim({ type: NEIGHBOR_SOLICITATION })).toBeUndefined())
  it('of an address we do not hold', () => expect(claim({ target: CLIENT })).toBeUndefined())
})

describe('icmpv6 checksum', () => {
  it('RFC 4443 §2.3: what is written verifies, for odd lengths as well', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 99 }), payload => {
        const frame = new Uint8Array(NDP.type + payload.length)
        frame.set(payload, NDP.type)
        writeU16(frame, NDP.checksum, 0)
        writeU16(frame, NDP.checksum, icmpv6Checksum(frame, payload.length))
        expect(icmpv6Checksum(frame, payload.length)).toBe(0)
      }),
      { seed: 4443 },
    )
  })
})

function u8(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice()
  copy[at] = value
  return copy
}

function u16(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice()
  writeU16(copy, at, value)
  return copy
}

/** With its checksum made right again. */
function summed(frame: Uint8Array): Uint8Array {
  const copy = u16(frame, NDP.checksum, 0)
  writeU16(copy, NDP.checksum, icmpv6Checksum(copy, (copy[NDP.payloadLength]! << 8) | copy[NDP.payloadLength + 1]!))
  return copy
}

function withOptions(...options: number[][]): Uint8Array {
  const bare = encodeNeighborMessage({ ...solicitation, linkAddress: undefined }).slice(0, NDP.options)
  const frame = Uint8Array.from([...bare, ...options.flat()])
  return summed(u16(frame, NDP.payloadLength, frame.length - NDP.type))
}

/** Random bytes behind a header that makes them a solicitation with a right checksum. */
function likely(header: Uint8Array, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(NDP.type + Math.max(24, bytes.length))
  frame.set(header)
  frame.set(bytes, NDP.type)
  frame[NDP.type] = NEIGHBOR_SOLICITATION
  frame[NDP.code] = 0
  return summed(u16(frame, NDP.payloadLength, frame.length - NDP.type))
}
