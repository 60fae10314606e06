import type { AsSegment, PathAttribute } from './attributes.ts'
import { AS_TRANS } from './constants.ts'

/** RFC 6793 §4.2.2: a path for a peer that reads two octets, and the true one beside it where something was hidden. */
export function hideLongAsns(segments: readonly AsSegment[]): { path: AsSegment[]; as4Path?: AsSegment[] } {
  const path = segments.map(({ type, asns }) => ({ type, asns: asns.map(asn => (asn > 0xffff ? AS_TRANS : asn)) }))
  const isHidden = segments.some(({ asns }) => asns.some(asn => asn > 0xffff))
  return isHidden ? { path, as4Path: segments.filter(isNotConfed) } : { path }
}

/** RFC 6793 §4.2.3: what a peer of two octets said, with the long AS numbers that came beside it. */
export function mergeAs4(attributes: readonly PathAttribute[]): PathAttribute[] {
  const aggregator = find(attributes, 'aggregator')
  const as4Aggregator = find(attributes, 'as4-aggregator')
  const path = find(attributes, 'as-path')
  const as4Path = find(attributes, 'as4-path')
  const plain = attributes.filter(({ kind }) => kind !== 'as4-path' && kind !== 'as4-aggregator')
  if (aggregator !== undefined && as4Aggregator !== undefined && aggregator.asn !== AS_TRANS) return plain
  return plain.map(one => {
    if (one.kind === 'aggregator' && as4Aggregator !== undefined) return { ...as4Aggregator, kind: 'aggregator' }
    if (one.kind !== 'as-path' || path === undefined || as4Path === undefined) return one
    return { kind: 'as-path', segments: mergedPath(path.segments, as4Path.segments.filter(isNotConfed)) }
  })
}

function mergedPath(path: readonly AsSegment[], as4Path: readonly AsSegment[]): readonly AsSegment[] {
  const surplus = countAsns(path) - countAsns(as4Path)
  return surplus < 0 ? path : joined([...leading(path, surplus), ...as4Path])
}

/** A set counts as one, confederation segments as none (RFC 5065 §5.3). */
function countAsns(segments: readonly AsSegment[]): number {
  return segments.reduce((sum, { type, asns }) => sum + (type === 'sequence' ? asns.length : type === 'set' ? 1 : 0), 0)
}

function leading(segments: readonly AsSegment[], count: number): AsSegment[] {
  const kept: AsSegment[] = []
  let left = count
  for (const segment of segments) {
    const isFree = !isNotConfed(segment)
    if (left === 0 && !isFree) break
    const asns = segment.type === 'sequence' ? segment.asns.slice(0, left) : segment.asns
    kept.push({ type: segment.type, asns })
    left -= isFree ? 0 : segment.type === 'set' ? 1 : asns.length
  }
  return kept
}

/** Neighbouring sequences that the cut brought together are one. */
function joined(segments: readonly AsSegment[]): AsSegment[] {
  const result: AsSegment[] = []
  for (const segment of segments) {
    const last = result.at(-1)
    if (last?.type === 'sequence' && segment.type === 'sequence') {
      result[result.length - 1] = { type: 'sequence', asns: [...last.asns, ...segment.asns] }
    } else result.push(segment)
  }
  return result
}

function isNotConfed({ type }: AsSegment): boolean {
  return type === 'set' || type === 'sequence'
}

function find<Kind extends PathAttribute['kind']>(
  attributes: readonly PathAttribute[],
  kind: Kind,
): Extract<PathAttribute, { kind: Kind }> | undefined {
  return attributes.find((one): one is Extract<PathAttribute, { kind: Kind }> => one.kind === kind)
}
