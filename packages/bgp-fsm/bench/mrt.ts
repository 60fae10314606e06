import { ByteWriter } from '@metallb-ts/netip'
import { encodeAttribute } from '../src/wire/attributes.ts'
import { encodePrefix } from '../src/wire/nlri.ts'
import type { SourcedRoute } from '../src/index.ts'
import { hostRoutes } from './routes.ts'

/** A table of host routes in the format of RFC 6396, which GoBGP reads at once; one by one it would take minutes. */
export function tableDump(count: number, sets: number): Uint8Array {
  const out = [
    record(PEER_INDEX_TABLE, to => to.u32(PEER).u16(0).u16(1).u8(AS_OF_FOUR_OCTETS).u32(PEER).u32(PEER).u32(ASN)),
  ]
  const routes = hostRoutes(count, sets)
  // `gobgp mrt inject` ends without having sent the last ones: it may lose copies of the last.
  const padding = new Array<SourcedRoute>(LOST_AT_THE_END).fill(routes.at(-1)!)
  for (const [i, { prefix, attributes }] of [...routes, ...padding].entries()) {
    const octets = attributeOctets(attributes.communities ?? [])
    out.push(
      record(RIB_IPV4_UNICAST, to => {
        to.u32(i)
        encodePrefix(prefix, to)
        to.u16(1).u16(0).u32(0).u16(octets.length).bytes(octets)
      }),
    )
  }
  return Buffer.concat(out)
}

const TABLE_DUMP_V2 = 13
const PEER_INDEX_TABLE = 1
const RIB_IPV4_UNICAST = 2
const AS_OF_FOUR_OCTETS = 2
const PEER = 0xc000_020a
const ASN = 64_512
const LOST_AT_THE_END = 2_000

function record(subtype: number, body: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter()
  to.u32(0).u16(TABLE_DUMP_V2).u16(subtype).u16(0).u16(0)
  body(to)
  return to.patchU16(10, to.length - 12).finish()
}

function attributeOctets(communities: readonly number[]): Uint8Array {
  const to = new ByteWriter()
  const context = { fourOctetAs: true, internal: false }
  encodeAttribute({ kind: 'origin', value: 'igp' }, context, to)
  encodeAttribute({ kind: 'as-path', segments: [] }, context, to)
  encodeAttribute({ kind: 'next-hop', address: { family: 'ipv4', value: BigInt(PEER) } }, context, to)
  encodeAttribute({ kind: 'communities', values: communities }, context, to)
  return to.finish()
}
