import fc from 'fast-check'
import { address, addressBytes, type Address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { arpFilter, encodeProgram, MAX_INSTRUCTIONS, neighborFilter, type Instruction } from '../src/index.ts'
import { runFilter } from '../src/testing/index.ts'

const OURS = address('192.0.2.10')
const OTHER = address('192.0.2.11')
const OURS6 = address('2001:db8::1:10')
const TO_US = { packetType: 1, hasVlanTag: false }

function arp(sender: Address, target: Address): Uint8Array {
  const frame = new Uint8Array(60)
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1])
  frame.set(addressBytes(sender), 28)
  frame.set(addressBytes(target), 38)
  return frame
}

function neighbor(target: Address, { type = 135, hopLimit = 255, nextHeader = 58 } = {}): Uint8Array {
  const frame = new Uint8Array(86)
  frame.set([0x86, 0xdd, 0x60], 12)
  frame[20] = nextHeader
  frame[21] = hopLimit
  frame[54] = type
  frame.set(addressBytes(target), 62)
  return frame
}

describe('the ARP filter', () => {
  const program = arpFilter([OURS])
  const passes = (frame: Uint8Array, facts = TO_US): boolean => runFilter(program, frame, facts) === frame.length

  it('lets through, whole, what asks for our addresses or claims them', () => {
    expect(passes(arp(OTHER, OURS))).toBe(true)
    expect(passes(arp(OURS, OTHER))).toBe(true)
    expect(passes(arp(OURS, OURS))).toBe(true)
    expect(passes(arp(OTHER, OTHER))).toBe(false)
  })

  it('drops what is tagged, for others, our own, another protocol, or cut short', () => {
    const frame = arp(OTHER, OURS)
    expect(passes(frame, { packetType: 1, hasVlanTag: true })).toBe(false)
    expect(passes(frame, { packetType: 3, hasVlanTag: false })).toBe(false)
    expect(passes(frame, { packetType: 4, hasVlanTag: false })).toBe(false)
    expect(passes(frame, { packetType: 0, hasVlanTag: false })).toBe(true)
    const ip = arp(OTHER, OURS)
    ip[13] = 0
    expect(passes(ip)).toBe(false)
    for (let length = 0; length < 32; length++) expect(runFilter(program, frame.subarray(0, length), TO_US)).toBe(0)
  })

  it('of no addresses lets nothing through; of too many, any ARP for us', () => {
    expect(runFilter(arpFilter([]), arp(OTHER, OURS), TO_US)).toBe(0)
    const many = Array.from({ length: 3_000 }, (_, i): Address => ({ family: 'ipv4', value: BigInt(i) }))
    expect(arpFilter(many).length).toBeLessThanOrEqual(MAX_INSTRUCTIONS)
    expect(runFilter(arpFilter(many), arp(OTHER, OTHER), TO_US)).toBe(60)
    expect(runFilter(arpFilter(many), arp(OTHER, OTHER), { packetType: 3, hasVlanTag: false })).toBe(0)
  })

  it('any set of addresses: exactly theirs pass', () => {
    const some = fc.array(fc.nat(40), { maxLength: 20 })
    const one = (n: number): Address => ({ family: 'ipv4', value: BigInt(n) })
    fc.assert(
      fc.property(some, fc.nat(40), fc.nat(40), (own, sender, target) => {
        const passed = runFilter(arpFilter(own.map(one)), arp(one(sender), one(target)), TO_US) > 0
        expect(passed).toBe(own.includes(sender) || own.includes(target))
      }),
    )
  })
})

describe('many addresses', () => {
  const one = (n: number): Address => ({ family: 'ipv4', value: BigInt(n) })
  const steps = (program: readonly Instruction[], frame: Uint8Array): number => {
    let count = 0
    runFilter(program, frame, TO_US, () => count++)
    return count
  }

  it('any set, of any size: exactly theirs pass, the first and the last of 32 bits too', () => {
    const word = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 0xffff_ffff))
    fc.assert(
      fc.property(fc.array(word, { maxLength: 300 }), word, word, (own, sender, target) => {
        const passed = runFilter(arpFilter(own.map(one)), arp(one(sender), one(target)), TO_US) > 0
        expect(passed).toBe(own.includes(sender) || own.includes(target))
        const endings = own.map((n): Address => ({ family: 'ipv6', value: BigInt(n) }))
        const isHeard =
          runFilter(neighborFilter(endings), neighbor({ family: 'ipv6', value: BigInt(target) }), TO_US) > 0
        expect(isHeard).toBe(own.includes(target))
      }),
      { numRuns: 300 },
    )
  })

  it('are halved, not walked: the program takes some forty steps for eight hundred', () => {
    const program = arpFilter(Array.from({ length: 800 }, (_, i) => one(i * 7)))
    expect(program.length).toBeLessThanOrEqual(MAX_INSTRUCTIONS)
    expect(runFilter(program, arp(one(1), one(2)), TO_US)).toBe(0)
    for (const target of [0, 7, 799 * 7, 3]) expect(steps(program, arp(one(1), one(target)))).toBeLessThan(80)
  })
})

describe('the neighbor filter', () => {
  const program = neighborFilter([OURS6])
  const passes = (frame: Uint8Array, facts = TO_US): boolean => runFilter(program, frame, facts) === frame.length

  it('lets solicitations and advertisements of our addresses through', () => {
    expect(passes(neighbor(OURS6))).toBe(true)
    expect(passes(neighbor(OURS6, { type: 136 }))).toBe(true)
    expect(passes(neighbor(address('2001:db8::1:11')))).toBe(false)
    expect(passes(neighbor(OURS6, { type: 134 }))).toBe(false)
  })

  it('drops what a router has forwarded, other protocols, and what is cut short', () => {
    expect(passes(neighbor(OURS6, { hopLimit: 254 }))).toBe(false)
    expect(passes(neighbor(OURS6, { nextHeader: 17 }))).toBe(false)
    for (let length = 0; length < 78; length++) {
      expect(runFilter(program, neighbor(OURS6).subarray(0, length), TO_US)).toBe(0)
    }
  })

  it('takes IPv6 addresses only, as the ARP filter takes IPv4 only', () => {
    expect(neighborFilter([OURS]).length).toBe(neighborFilter([]).length)
    expect(arpFilter([OURS6]).length).toBe(arpFilter([]).length)
  })
})

describe('encodeProgram', () => {
  it('writes eight octets an instruction', () => {
    expect(Buffer.from(encodeProgram([{ code: 0x15, jt: 1, jf: 2, k: 0xdead_beef }])).toString('hex')).toBe(
      '15000102efbeadde',
    )
  })
})
