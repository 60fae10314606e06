import { type ByteReader, type ByteWriter, type Family } from '@metallb-ts/netip'
import { ATTRIBUTE_CODES } from './attribute-rows.ts'
import {
  decodeAttribute,
  encodeAttribute,
  issueNotification,
  issueOf,
  type CodecContext,
  type PathAttribute,
  type Penalty,
  type UpdateIssue,
} from './attributes.ts'
import { decodePrefixes, encodePrefix, type NlriPrefix } from './nlri.ts'
import { ERRORS, type Notification } from './notification.ts'

/** RFC 4271 §4.3. `issues` tells what was malformed, and what RFC 7606 asks to do about it. */
export interface Update {
  readonly type: 'update'
  /** IPv4 prefixes withdrawn. */
  readonly withdrawn: readonly NlriPrefix[]
  readonly attributes: readonly PathAttribute[]
  /** IPv4 prefixes announced with these attributes. */
  readonly announced: readonly NlriPrefix[]
  readonly issues: readonly UpdateIssue[]
}

export function encodeUpdate(
  { withdrawn, attributes, announced }: Omit<Update, 'type' | 'issues'>,
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

/** The UPDATE, or the NOTIFICATION where the session cannot go on. */
export function decodeUpdate(body: ByteReader, context: CodecContext): Update | Notification {
  const sections = split(body)
  if (sections === undefined) return ERRORS.malformedAttributes() // RFC 4271 §6.3: 3/1
  const hasPathIds = context.pathIds?.includes('ipv4')
  const withdrawn = decodePrefixes(sections.withdrawn, 'ipv4', hasPathIds)
  const announced = decodePrefixes(sections.announced, 'ipv4', hasPathIds)
  if (withdrawn === undefined || announced === undefined) return ERRORS.invalidNetwork() // RFC 7606 §5.3
  const { attributes, issues } = decodeAttributes(sections.attributes, context)
  const update: Update = { type: 'update', withdrawn, attributes, announced, issues }
  if (issues.length === 0 && announced.length === 0 && !hasReach(update)) return update
  const more = [...missing(update, context), ...firstAs(update, context)]
  return judged(more.length === 0 ? update : { ...update, issues: [...issues, ...more] })
}

/** The gravest penalty of an UPDATE; undefined when nothing is wrong. */
export function gravest(issues: readonly UpdateIssue[]): Penalty | undefined {
  return PENALTIES.find(penalty => issues.some(issue => issue.penalty === penalty))
}

/** RFC 4724 §2: the family that this UPDATE ends the initial announcement of. */
export function endOfRibFamily({ withdrawn, attributes, announced, issues }: Update): Family | undefined {
  if (withdrawn.length > 0 || announced.length > 0 || issues.length > 0) return undefined
  const [only, ...others] = attributes
  if (only === undefined) return 'ipv4'
  const isEmpty = others.length === 0 && only.kind === 'mp-unreach' && only.prefixes.length === 0
  return isEmpty ? only.family : undefined
}

const PENALTIES: readonly Penalty[] = ['session-reset', 'treat-as-withdraw', 'attribute-discard']

function split(body: ByteReader) {
  if (body.remaining < 2) return undefined
  const withdrawnLength = body.u16()
  if (body.remaining < withdrawnLength + 2) return undefined
  const withdrawn = body.window(withdrawnLength)
  const attributesLength = body.u16()
  if (body.remaining < attributesLength) return undefined
  return { withdrawn, attributes: body.bytes(attributesLength), announced: body }
}

/** RFC 7606 §3 h: the gravest outcome counts; §5.2: nothing can be withdrawn where nothing is announced. */
function judged(update: Update): Update | Notification {
  if (update.issues.length === 0) return update
  const worst = gravest(update.issues)
  const canWithdraw = update.announced.length > 0 || hasReach(update)
  const isReset = worst === 'session-reset' || (worst === 'treat-as-withdraw' && !canWithdraw)
  if (!isReset) return update
  return issueNotification(update.issues.find(({ penalty }) => penalty === worst)!)
}

function hasReach({ attributes }: Update): boolean {
  return attributes.some(
    one => one.kind === 'mp-reach' || (one.kind === 'unknown' && one.code === ATTRIBUTE_CODES.mpReach),
  )
}

function decodeAttributes(
  section: Uint8Array,
  context: CodecContext,
): { attributes: PathAttribute[]; issues: UpdateIssue[] } {
  const attributes: PathAttribute[] = []
  const issues: UpdateIssue[] = []
  const seen = new Set<number>()
  for (let at = 0; at < section.length;) {
    const flags = section[at]!
    const headLength = (flags & EXTENDED_LENGTH) === 0 ? 3 : 4
    const code = section[at + 1] ?? 0
    const length = headLength === 3 ? section[at + 2]! : (section[at + 2]! << 8) | section[at + 3]!
    const end = at + headLength + length
    if (at + headLength > section.length || end > section.length) {
      issues.push(issueOf(code, 'treat-as-withdraw', 'overrun', section.subarray(at))) // RFC 7606 §4
      break
    }
    const octets = section.subarray(at, end)
    const value = section.subarray(at + headLength, end)
    at = end
    if (seen.has(code)) {
      // RFC 7606 §3 g: of a repeated attribute the first counts, but two MP attributes end the session.
      const isMp = code === ATTRIBUTE_CODES.mpReach || code === ATTRIBUTE_CODES.mpUnreach
      issues.push(issueOf(code, isMp ? 'session-reset' : 'attribute-discard', 'duplicate', octets))
      continue
    }
    seen.add(code)
    const { attribute, issue } = decodeAttribute(code, flags, value, octets, context)
    if (attribute !== undefined) attributes.push(attribute)
    if (issue !== undefined) issues.push(issue)
  }
  return { attributes, issues }
}

const EXTENDED_LENGTH = 0x10

/** RFC 7606 §3 d: routes without their mandatory attributes are taken as withdrawn. */
function missing(update: Update, { internal }: CodecContext): UpdateIssue[] {
  const { attributes, announced, issues } = update
  if (announced.length === 0 && !hasReach(update)) return []
  const found: UpdateIssue[] = []
  for (const { kind, code, where } of MANDATORY) {
    if ((where === 'classic' && announced.length === 0) || (where === 'internal' && !internal)) continue
    if (attributes.some(one => one.kind === kind) || issues.some(one => one.attribute === code)) continue
    found.push(issueOf(code, 'treat-as-withdraw', 'missing'))
  }
  return found
}

/** RFC 4271 §5.1; `classic`: beside IPv4 prefixes outside of MP_REACH_NLRI. */
const MANDATORY = [
  { kind: 'origin', code: ATTRIBUTE_CODES.origin, where: 'always' },
  { kind: 'as-path', code: ATTRIBUTE_CODES.asPath, where: 'always' },
  { kind: 'next-hop', code: ATTRIBUTE_CODES.nextHop, where: 'classic' },
  { kind: 'local-preference', code: ATTRIBUTE_CODES.localPreference, where: 'internal' },
] as const

/** RFC 4271 §6.3: a route from outside begins with the AS of who sends it. */
function firstAs({ attributes }: Update, { firstAs: expected }: CodecContext): UpdateIssue[] {
  if (expected === undefined) return []
  const path = attributes.find(one => one.kind === 'as-path')
  if (path === undefined) return []
  const [first] = path.segments
  const isRight = first?.type === 'sequence' && first.asns[0] === expected
  return isRight ? [] : [issueOf(ATTRIBUTE_CODES.asPath, 'treat-as-withdraw', 'first-as')]
}
