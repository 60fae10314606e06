import type { Candidate, Contest, DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress, type Address } from '@metallb-ts/netip'

/** An address that this node holds, or would hold if others were dead. */
export interface LanAddress extends DesiredAddress {
  /** Absent: held in any case. */
  readonly contest?: LanContest
}

/** The election that decides, again with every change of members and without asking the main thread. */
export interface LanContest {
  /** What is hashed: of a service of both families its first address, for both. */
  readonly address: Address
  /** Every node that may own it while it is alive; whether it is, the thread knows best. */
  readonly candidates: readonly Candidate[]
}

/**
 * Each address that is contested once. Services that share one share its owner: only nodes that may own it for all of
 * them stand, or all that may for any where there is no such node.
 * @param before those of an earlier state; one that has not changed is the same object
 */
export function contestsOf(desired: readonly LanAddress[], before: readonly Contest[] = []): readonly Contest[] {
  const contests = new Map<string, Contest>()
  for (const { contest } of desired) {
    if (contest === undefined) continue
    const key = formatAddress(contest.address)
    const other = contests.get(key)
    const candidates = other === undefined ? contest.candidates : inBoth(other.candidates, contest.candidates)
    contests.set(key, { key, address: contest.address, candidates })
  }
  const isSame = sameness()
  for (const each of before) {
    const now = contests.get(each.key)
    if (now !== undefined && isSame(each.candidates, now.candidates)) contests.set(each.key, each)
  }
  return [...contests.values()]
}

/** Most addresses have the same candidates, as one list: it is compared once. */
function sameness(): (a: readonly Candidate[], b: readonly Candidate[]) => boolean {
  const known = new Map<object, Map<object, boolean>>()
  return (a, b) => {
    const ofA = known.get(a) ?? new Map<object, boolean>()
    const answer = ofA.get(b) ?? JSON.stringify(a) === JSON.stringify(b)
    known.set(a, ofA.set(b, answer))
    return answer
  }
}

/** What moves with each contested address, by the contest's key. */
export function movedBy(desired: readonly LanAddress[]): ReadonlyMap<string, readonly DesiredAddress[]> {
  const moved = new Map<string, DesiredAddress[]>()
  for (const { address, interfaces, contest } of desired) {
    if (contest === undefined) continue
    const key = formatAddress(contest.address)
    moved.set(key, [...(moved.get(key) ?? []), { address, interfaces }])
  }
  return moved
}

function inBoth(a: readonly Candidate[], b: readonly Candidate[]): readonly Candidate[] {
  if (a === b) return a
  const common = a.filter(({ node }) => b.some(other => other.node === node))
  if (common.length > 0) return common
  return [...a, ...b].sort((one, other) => (one.node < other.node ? -1 : 1))
}
