import { ByteReader, ByteWriter, ShortReadError, type Prefix } from '@metallb-ts/netip'
import {
  ATTRIBUTE_CODES,
  decodeAttribute,
  encodeAttribute,
  type CodecContext,
  type PathAttribute,
  type UpdateIssue,
} from './attributes.ts'
import { decodePrefixes, encodePrefix } from './nlri.ts'
import { ERRORS, type Notification } from './notification.ts'

/** RFC 4271 §4.3. `issues` tells what was malformed, and what RFC 7606 asks to do about it. */
export interface Update {
  readonly type: 'update'
  /** IPv4 prefixes withdrawn. */
  readonly withdrawn: readonly Prefix[]
  readonly attributes: readonly PathAttribute[]
  /** IPv4 prefixes announced with these attributes. */
  readonly announced: readonly Prefix[]
  readonly issues: readonly UpdateIssue[]
}

export function encodeUpdate(
  { withdrawn, attributes, announced }: Update,
  context: CodecContext,
  to: ByteWriter,
): void {
  const lengthAt = to.length
  to.u16(0)
  for (const prefix of withdrawn) encodePrefix(prefix, to)
  to.patchU16(lengthAt, to.length - lengthAt - 2)
  const attributesAt = to.length
  to.u16(0)
  for (const attribute of attributes) encodeAttribute(attribute, context, to)
  to.patchU16(attributesAt, to.length - attributesAt - 2)
  for (const prefix of announced) encodePrefix(prefix, to)
}

/** The UPDATE, or the NOTIFICATION where it cannot be taken apart at all. */
export function decodeUpdate(body: ByteReader, context: CodecContext): Update | Notification {
  try {
    const withdrawn = decodePrefixes(body.window(body.u16()), 'ipv4')
    const { attributes, issues } = decodeAttributes(body.window(body.u16()), context)
    const announced = decodePrefixes(body, 'ipv4')
    if (withdrawn === undefined || announced === undefined) return ERRORS.invalidNetwork() // RFC 7606 §5.3
    return {
      type: 'update',
      withdrawn,
      attributes,
      announced,
      issues: [...issues, ...missing(attributes, issues, announced)],
    }
  } catch (error) {
    if (error instanceof ShortReadError) return ERRORS.malformedAttributes()
    throw error
  }
}

/** The gravest penalty of an UPDATE; undefined when nothing is wrong. */
export function gravest(issues: readonly UpdateIssue[]): UpdateIssue['penalty'] | undefined {
  return (['session-reset', 'treat-as-withdraw', 'attribute-discard'] as const).find(penalty =>
    issues.some(issue => issue.penalty === penalty),
  )
}

function decodeAttributes(
  body: ByteReader,
  context: CodecContext,
): { attributes: PathAttribute[]; issues: UpdateIssue[] } {
  const attributes: PathAttribute[] = []
  const issues: UpdateIssue[] = []
  const seen = new Set<number>()
  try {
    while (body.remaining > 0) {
      const flags = body.u8()
      const code = body.u8()
      const value = body.bytes((flags & 0x10) === 0 ? body.u8() : body.u16())
      if (seen.has(code)) {
        // RFC 7606 §3 g: of a repeated attribute the first counts, but two MP attributes end the session.
        const isMp = code === ATTRIBUTE_CODES.mpReach || code === ATTRIBUTE_CODES.mpUnreach
        issues.push({ attribute: code, penalty: isMp ? 'session-reset' : 'attribute-discard', reason: 'duplicate' })
        continue
      }
      seen.add(code)
      const read = decodeAttribute(code, flags, value, context)
      if (read.ok) attributes.push(read.attribute)
      else issues.push(read.issue)
    }
  } catch (error) {
    if (!(error instanceof ShortReadError)) throw error
    issues.push({ attribute: 0, penalty: 'treat-as-withdraw', reason: 'bad-length' }) // RFC 7606 §4
  }
  return { attributes, issues }
}

/** RFC 7606 §3 d: routes without their mandatory attributes are taken as withdrawn. */
function missing(
  attributes: readonly PathAttribute[],
  issues: readonly UpdateIssue[],
  announced: readonly Prefix[],
): UpdateIssue[] {
  const reaches = attributes.some(({ kind }) => kind === 'mp-reach')
  if (announced.length === 0 && !reaches) return []
  const needed = [
    ['origin', ATTRIBUTE_CODES.origin],
    ['as-path', ATTRIBUTE_CODES.asPath],
    ...(announced.length > 0 ? ([['next-hop', ATTRIBUTE_CODES.nextHop]] as const) : []),
  ] as const
  return needed
    .filter(
      ([kind, code]) =>
        !attributes.some(one => one.kind === kind) && !issues.some(({ attribute }) => attribute === code),
    )
    .map(([, attribute]) => ({ attribute, penalty: 'treat-as-withdraw', reason: 'missing' }))
}
