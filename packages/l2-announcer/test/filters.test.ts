import { arpFilter, neighborFilter } from '@metallb-ts/linux-net'
import { runFilter } from '@metallb-ts/linux-net/testing'
import { address, mac, type Address } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerArp, arpClaim } from '../src/arp.ts'
import { answerNeighborSolicitation, neighborClaim } from '../src/ndp.ts'
import { probeAnswer, probeFrame } from '../src/probe.ts'
import { AnnouncedTable } from '../src/table.ts'
import { encodeArp } from '../src/wire/arp.ts'
import { encodeNeighborMessage, solicitedNodeGroup } from '../src/wire/icmpv6.ts'
import { multicastMac } from '../src/wire/ethernet.ts'

/** What the kernel is told to drop is nothing that anything here would have used: neither answered, nor heard as a claim. */
const OURS = mac('02:00:00:00:00:01')
const THEIRS = mac('02:00:00:00:00:02')
const POOL = 120 // addresses; enough for programs that halve
const v4 = (n: number): Address => ({ family: 'ipv4', value: 0xc000_0200n + BigInt(n) })
const v6 = (n: number): Address => ({ family: 'ipv6', value: address('2001:db8::').value + BigInt(n) })
const TO_US = { packetType: 1, hasVlanTag: false }

const held = fc.uniqueArray(fc.nat(POOL), { maxLength: POOL })
const damage = fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 2 })

const responder = (own: readonly Address[]): Parameters<typeof answerArp>[1] => ({
  interfaceName: 'eth0',
  mac: OURS,
  table: new AnnouncedTable(own.map(each => ({ address: each, interfaces: 'all' }))),
})

function damaged(frame: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(frame)
  for (const [at, value] of changes) if (at < copy.length) copy[at] = value
  return copy
}

describe('the filters in the kernel, run in an interpreter, and the functions that read what they pass', () => {
  it('ARP: whatever would be answered, or heard as a claim or as an answer to a probe, passes', () => {
    const frame = fc.record({
      operation: fc.constantFrom(1, 2),
      sender: fc.nat(POOL),
      target: fc.nat(POOL),
      isProbe: fc.boolean(),
    })
    fc.assert(
      fc.property(held, frame, damage, (own, { operation, sender, target, isProbe }, changes) => {
        const addresses = own.map(v4)
        const whole = encodeArp({
          destination: mac('ff:ff:ff:ff:ff:ff'),
          source: THEIRS,
          operation,
          senderMac: THEIRS,
          senderAddress: isProbe ? 0 : Number(v4(sender).value),
          targetMac: mac('00:00:00:00:00:00'),
          targetAddress: Number(v4(target).value),
        })
        const bytes = damaged(whole, changes)
        const us = responder(addresses)
        const isUsed =
          typeof answerArp(bytes, us) !== 'string' ||
          arpClaim(bytes, us) !== undefined ||
          probeAnswer(bytes, us) !== undefined
        if (isUsed) expect(runFilter(arpFilter(addresses), bytes, TO_US)).toBe(bytes.length)
        else if (changes.length === 0) expect(runFilter(arpFilter(addresses), bytes, TO_US)).toBe(0)
      }),
      { numRuns: 3_000 },
    )
  })

  it('NDP: whatever would be answered, or heard as a claim or as an answer to a probe, passes', () => {
    const frame = fc.record({ type: fc.constantFrom(135, 136), target: fc.nat(POOL), isProbe: fc.boolean() })
    fc.assert(
      fc.property(held, frame, damage, (own, { type, target, isProbe }, changes) => {
        const addresses = own.map(v6)
        const group = solicitedNodeGroup(v6(target))
        const whole = isProbe
          ? probeFrame(v6(target), THEIRS)
          : encodeNeighborMessage({
              etherDestination: multicastMac(group),
              etherSource: THEIRS,
              source: address('2001:db8::ffff'),
              destination: group,
              type: type as 135,
              flags: 0,
              target: v6(target),
              linkAddress: THEIRS,
            })
        const bytes = damaged(whole, changes)
        const us = responder(addresses)
        const isUsed =
          typeof answerNeighborSolicitation(bytes, us) !== 'string' ||
          neighborClaim(bytes, us) !== undefined ||
          probeAnswer(bytes, us) !== undefined
        if (isUsed) expect(runFilter(neighborFilter(addresses), bytes, TO_US)).toBe(bytes.length)
        else if (changes.length === 0) expect(runFilter(neighborFilter(addresses), bytes, TO_US)).toBe(0)
      }),
      { numRuns: 3_000 },
    )
  })
})
