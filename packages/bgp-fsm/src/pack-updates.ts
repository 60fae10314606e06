import { addressBytes, ByteWriter, type Address, type Family } from '@metallb-ts/netip'
import type { Pending, RibEntry } from './adj-rib-out.ts'
import { isClassicHop, nextHopsOf } from './next-hops.ts'
import type { PackContext } from './pack-context.ts'
import { attributeOctets } from './route-octets.ts'
import { AFI, HEADER_LENGTH, MESSAGE_TYPES, SAFI_UNICAST } from './wire/constants.ts'
import { encodePrefix, prefixOctets } from './wire/nlri.ts'

/** One UPDATE, and what the peer knows or forgets by it. */
export interface PackedUpdate {
  readonly bytes: Uint8Array
  readonly withdrawn: readonly RibEntry[]
  readonly announced: readonly RibEntry[]
}

/** As much of it as one UPDATE holds: an UPDATE after the other, they are the fewest that say it. */
export function packUpdate(pending: Pending, context: PackContext): PackedUpdate {
  const { family, attributes } = pending
  if (attributes === undefined) return packWithdrawals(pending, context)
  const hops = nextHopsOf(family, attributes, context)
  if (hops === undefined) throw new RangeError(`no next hop for ${family}: it should have been held back`)
  const common = attributeOctets(family, attributes, hops, context)
  return isClassicHop(family, hops) ? packClassic(pending, common, context) : packReach(pending, common, hops, context)
}

/** RFC 4724 §2: an UPDATE that announces nothing says that this family has been told in full. */
export function endOfRib(family: Family): Uint8Array {
  if (family === 'ipv4') return message(4, to => to.u16(0).u16(0))
  return message(10, to => to.u16(0).u16(6).u8(OPTIONAL).u8(MP_UNREACH).u8(3).u16(AFI.ipv6).u8(SAFI_UNICAST))
}

/** Header, and the two lengths of RFC 4271 §4.3. */
const UPDATE_FIXED_OCTETS = HEADER_LENGTH + 4
const ATTRIBUTE_HEAD_OCTETS = 4
const FAMILY_OCTETS = 3
const PATH_ID_OCTETS = 4
const OPTIONAL = 0x80
const EXTENDED_LENGTH = 0x10
const MP_REACH = 14
const MP_UNREACH = 15

function packWithdrawals(pending: Pending, context: PackContext): PackedUpdate {
  const { family } = pending
  const isClassic = family === 'ipv4' && !context.negotiated.extendedNextHop
  const fixed = isClassic ? 0 : ATTRIBUTE_HEAD_OCTETS + FAMILY_OCTETS
  const { taken, octets, write } = take(pending, fixed, context)
  const bytes = message(4 + fixed + octets, to => {
    to.u16(isClassic ? octets : 0)
    if (!isClassic) {
      to.u16(fixed + octets)
      attributeHead(to, MP_UNREACH, FAMILY_OCTETS + octets)
      to.u16(AFI[family]).u8(SAFI_UNICAST)
    }
    write(to)
    if (isClassic) to.u16(0)
  })
  return { bytes, withdrawn: taken, announced: [] }
}

function packClassic(pending: Pending, common: Uint8Array, context: PackContext): PackedUpdate {
  const { taken, octets, write } = take(pending, common.length, context)
  const bytes = message(4 + common.length + octets, to => {
    to.u16(0).u16(common.length).bytes(common)
    write(to)
  })
  return { bytes, withdrawn: [], announced: taken }
}

function packReach(pending: Pending, common: Uint8Array, hops: readonly Address[], context: PackContext): PackedUpdate {
  const { family } = pending
  const addresses = hops.map(addressBytes)
  const hopOctets = addresses.reduce((sum, { length }) => sum + length, 0)
  const head = FAMILY_OCTETS + 2 + hopOctets
  const fixed = common.length + ATTRIBUTE_HEAD_OCTETS + head
  const { taken, octets, write } = take(pending, fixed, context)
  const bytes = message(4 + fixed + octets, to => {
    to.u16(0).u16(fixed + octets)
    // RFC 7606 §5.1: MP_REACH_NLRI stands first.
    attributeHead(to, MP_REACH, head + octets)
    to.u16(AFI[family]).u8(SAFI_UNICAST).u8(hopOctets)
    for (const address of addresses) to.bytes(address)
    to.u8(0)
    write(to)
    to.bytes(common)
  })
  return { bytes, withdrawn: [], announced: taken }
}

/** Always four octets of head, so that what fits does not depend on what is in it. */
function attributeHead(to: ByteWriter, code: number, length: number): void {
  to.u8(OPTIONAL | EXTENDED_LENGTH)
    .u8(code)
    .u16(length)
}

interface Taken {
  readonly taken: readonly RibEntry[]
  readonly octets: number
  readonly write: (to: ByteWriter) => void
}

/** Those from the front that fit beside so many other octets. */
function take(pending: Pending, others: number, { limit, negotiated: { addPath } }: PackContext): Taken {
  const room = limit - UPDATE_FIXED_OCTETS - others
  const hasIds = addPath.includes(pending.family)
  const taken: RibEntry[] = []
  let octets = 0
  pending.take(entry => {
    const needed = (hasIds ? PATH_ID_OCTETS : 0) + prefixOctets(entry.prefix)
    if (octets + needed > room) return false
    octets += needed
    taken.push(entry)
    return true
  })
  const write = (to: ByteWriter): void => {
    for (const { prefix, pathId } of taken) encodePrefix(hasIds ? { ...prefix, pathId: pathId ?? 0 } : prefix, to)
  }
  return { taken, octets, write }
}

function message(bodyOctets: number, body: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter({ initial: HEADER_LENGTH + bodyOctets })
  to.u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff)
  to.u16(HEADER_LENGTH + bodyOctets).u8(MESSAGE_TYPES.update)
  body(to)
  return to.finish()
}
