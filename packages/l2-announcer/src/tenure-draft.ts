import type { Contest } from './electorate.ts'
import type { Holder, Ownership, Tenure, TenureState } from './tenure.ts'
import type { Winners } from './winners.ts'

/** The next state while it is made, and how it differs. */
export interface Draft {
  readonly tenures: Map<string, Tenure>
  readonly waiting: Map<string, number>
  readonly owners: Map<string, Ownership>
  readonly changes: {
    readonly owners: Map<string, Ownership | 'uncontested'>
    readonly holdings: Map<string, Tenure['holding'] | 'released'>
  }
}

/** Of one address, all that its decision depends on. */
export interface Situation {
  readonly node: string
  readonly winner: string | undefined
  readonly mine: Tenure | undefined
  readonly others: readonly Holder[]
  readonly waitsSince: number
  /** Who is about to arrive would win it. */
  readonly isContended: boolean
  readonly isCleared: boolean
  readonly isHeard: boolean
}

/** What is contested no more is let go. */
export function draftOf(state: TenureState, contests: ReadonlyMap<string, Contest>): Draft {
  const draft: Draft = {
    tenures: new Map(state.tenures),
    waiting: new Map(state.waiting),
    owners: new Map(state.owners),
    changes: { owners: new Map(), holdings: new Map() },
  }
  if (contests === state.contests) return draft
  for (const key of state.owners.keys()) {
    if (contests.has(key)) continue
    draft.owners.delete(key)
    draft.changes.owners.set(key, 'uncontested')
    draft.waiting.delete(key)
    if (draft.tenures.delete(key)) draft.changes.holdings.set(key, 'released')
  }
  return draft
}

/** What was decided of one, and what of it is news. */
export function record(
  { tenures, waiting, owners, changes }: Draft,
  contest: Contest,
  situation: Situation,
  decision: Tenure | 'wait' | 'probe' | 'none',
  elected: Winners,
): void {
  const { key } = contest
  if (decision === 'wait' || decision === 'probe') waiting.set(key, situation.waitsSince)
  else waiting.delete(key)
  const tenure = typeof decision === 'string' ? undefined : decision
  if (tenure === undefined) tenures.delete(key)
  else tenures.set(key, tenure)
  if (tenure?.holding !== situation.mine?.holding) changes.holdings.set(key, tenure?.holding ?? 'released')
  const ownershipNow = ownership(situation, tenure, contest, elected)
  if (isSame(owners.get(key), ownershipNow)) return
  owners.set(key, ownershipNow)
  changes.owners.set(key, ownershipNow)
}

function ownership(
  { node, winner, others }: Situation,
  mine: Tenure | undefined,
  contest: Contest,
  elected: Winners,
): Ownership {
  const owner = mine !== undefined ? node : (others.find(({ holding }) => holding === 'held')?.node ?? winner)
  if (owner !== undefined) return { owner: owner === node && mine === undefined ? undefined : owner, refusals: NONE }
  const refused = elected.verdicts(contest)
  return {
    owner,
    refusals: Object.fromEntries(
      refused.flatMap(verdict => (verdict.verdict === 'ineligible' ? [[verdict.node, verdict.reasons]] : [])),
    ),
  }
}

const NONE: Ownership['refusals'] = {}

function isSame(a: Ownership | undefined, b: Ownership): boolean {
  if (a === undefined || a.owner !== b.owner) return false
  return a.refusals === b.refusals || JSON.stringify(a.refusals) === JSON.stringify(b.refusals)
}
