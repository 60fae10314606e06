import { standsAlone, type Contest, type ElectionRules, type Electorate } from './electorate.ts'
import type { Ineligibility } from './ownership.ts'
import { draftOf, record, type Situation } from './tenure-draft.ts'
import { winnersAmong } from './winners.ts'

/**
 * Who holds what now, among announcers that tell each other what they hold. An election says who should; this says when.
 * A planned move is made before it is broken: the old owner answers until the new one says that it does. A move to a node
 * that came back is broken before it is made, within a round of messages, so that a return never makes two owners. A
 * death waits for nobody.
 */
export function stepTenures(settings: TenureSettings, state: TenureState, view: TenureView, now: number): TenureStep {
  const electorate: Electorate = { ...view, owned: key => ownersOf(settings.node, state, view, key), now }
  const isFresh = state.epoch !== view.epoch || state.given !== view.contests || !standsAlone(settings)
  const elected = winnersAmong(settings, electorate)
  const winners = isFresh ? new Map(view.contests.map(each => [each.key, elected.of(each)])) : state.winners
  const contests = state.given === view.contests ? state.contests : byKey(view.contests)
  const readySince = isPresent(view, settings.node) ? (state.readySince ?? now) : undefined
  const isArriving = readySince !== undefined && now - readySince < ARRIVAL_MS && view.coming.size > 0
  const arrivals = isArriving ? winnersAmong(settings, withArrivals(electorate, view.coming)) : elected
  const draft = draftOf(state, contests)
  const toProbe: string[] = []
  for (const contest of affected(settings, { state, winners, contests, isFresh }, view, now)) {
    const { key } = contest
    const winner = winners.get(key)
    const situation: Situation = {
      isCleared: view.isCleared(key),
      isHeard: view.isHeard(key),
      node: settings.node,
      winner,
      mine: state.tenures.get(key),
      others: view.holders(key),
      waitsSince: state.waiting.get(key) ?? now,
      isContended: isArriving && arrivals.of(contest) !== winner,
    }
    const decision = decide(situation, state, view, now)
    if (decision === 'probe') toProbe.push(key)
    record(draft, contest, situation, decision, elected)
  }
  const { tenures, waiting, owners, changes } = draft
  const { epoch, alive, coming, unknown } = view
  const facts = { winners, contests, given: view.contests, epoch, alive, coming, unknown: unknown.size, readySince }
  const next = { ...facts, tenures, waiting, owners }
  const dueAt = againAt(settings, next, view, now)
  return { state: { ...next, dueAt }, ...changes, toProbe, againAt: dueAt }
}

export interface TenureSettings extends ElectionRules {
  readonly node: string
}

/** What is true around this node. */
export interface TenureView extends Omit<Electorate, 'owned' | 'now'> {
  /** Another number whenever anything but what others hold has changed. */
  readonly epoch: number
  /** Announcers that will take part in a moment. */
  readonly coming: ReadonlySet<string>
  /** Living others of whom it is not known what they hold. */
  readonly unknown: ReadonlySet<string>
  /** Living others that say they hold it. */
  readonly holders: (key: string) => readonly Holder[]
  /** May it be announced, as far as the network was asked? Asked for again when `toProbe` names it. */
  readonly isCleared: (key: string) => boolean
  /** Is there a link on which somebody can hear this node answer for what it holds? */
  readonly isHeard: (key: string) => boolean
  /** Addresses of which others hold something else, or that were cleared, since the step before. @default all of them */
  readonly touched?: ReadonlySet<string>
}

export interface Holder {
  readonly node: string
  readonly holding: Tenure['holding']
}

/** This node's hold of one address. */
export interface Tenure {
  /** `yielding`: held until another says that it holds it. */
  readonly holding: 'held' | 'yielding'
  /** When a hold ends that nobody takes over. */
  readonly until?: number
}

export interface TenureState {
  readonly tenures: ReadonlyMap<string, Tenure>
  /** Since when: addresses won, and not taken yet. */
  readonly waiting: ReadonlyMap<string, number>
  readonly owners: ReadonlyMap<string, Ownership>
  readonly winners: ReadonlyMap<string, string | undefined>
  readonly contests: ReadonlyMap<string, Contest>
  /** What of the view the step before was taken from. */
  readonly given: readonly Contest[]
  readonly epoch: number
  readonly alive: ReadonlySet<string> | 'all'
  readonly coming: ReadonlySet<string>
  readonly unknown: number
  readonly readySince: number | undefined
  readonly dueAt: number | undefined
}

export const INITIAL_TENURES: TenureState = {
  tenures: new Map(),
  waiting: new Map(),
  owners: new Map(),
  winners: new Map(),
  contests: new Map(),
  given: [],
  epoch: -1,
  alive: new Set(),
  coming: new Set(),
  unknown: 0,
  readySince: undefined,
  dueAt: undefined,
}

/** Who answers for an address, as far as this node knows. */
export interface Ownership {
  readonly owner: string | undefined
  /** By node, why it may not own it; told only where nobody does. */
  readonly refusals: Readonly<Record<string, readonly Ineligibility[]>>
}

export interface TenureStep {
  readonly state: TenureState
  /** What is known now of owners that was not before. */
  readonly owners: ReadonlyMap<string, Ownership | 'uncontested'>
  /** What this node holds otherwise than before. */
  readonly holdings: ReadonlyMap<string, Tenure['holding'] | 'released'>
  /** Ours to announce for the first time, if nobody has them. */
  readonly toProbe: readonly string[]
  /** When to step again although nothing has happened. */
  readonly againAt: number | undefined
}

/** A successor that has not read the same configuration yet is waited for; then the address is let go. */
const MOST_YIELDING_MS = 10_000
/** Where nobody tells what he holds, nobody says that he has it: the successor has had time to read the same. */
const UNTOLD_YIELDING_MS = 50
/** A predecessor that has not is waited for; then the address is taken. */
const MOST_WAITING_MS = 5_000
/** Who does not say what it holds is not waited for longer. */
const MOST_UNKNOWN_MS = 200
/** Announcers that start together let each other arrive. */
const ARRIVAL_MS = 400

/**
 * What may be decided otherwise than at the step before: where others hold something else, where another wins, and what
 * is not at rest. Everything, where each election depends on all the others.
 */
function affected(
  settings: TenureSettings,
  {
    state,
    winners,
    contests,
    isFresh,
  }: Pick<TenureState, 'winners' | 'contests'> & { state: TenureState; isFresh: boolean },
  view: TenureView,
  now: number,
): Iterable<Contest> {
  if (view.touched === undefined || !standsAlone(settings)) return view.contests
  const keys = new Set(view.touched)
  const isDue = isFresh || (state.dueAt !== undefined && now >= state.dueAt)
  const isAwaited = isDue || view.unknown.size !== state.unknown || !isSameSet(view.coming, state.coming)
  if (isAwaited) for (const key of state.waiting.keys()) keys.add(key)
  if (isDue) for (const [key, { holding }] of state.tenures) if (holding === 'yielding') keys.add(key)
  if (!isFresh) return [...keys].flatMap(key => contests.get(key) ?? [])
  return view.contests.filter(({ key }) => {
    const winner = winners.get(key)
    return winner === undefined || winner !== state.winners.get(key) || keys.has(key)
  })
}

function decide(
  situation: Situation,
  state: TenureState,
  view: TenureView,
  now: number,
): Tenure | 'wait' | 'probe' | 'none' {
  const { winner, node, mine } = situation
  if (winner === node) return mine === undefined ? take(situation, view, now) : HELD
  return mine === undefined ? 'none' : giveUp(situation, mine, state, now)
}

const HELD: Tenure = { holding: 'held' }

function take(
  { others, waitsSince, ...is }: Situation,
  { unknown }: TenureView,
  now: number,
): Tenure | 'wait' | 'probe' {
  if (others.some(({ holding }) => holding === 'held')) return now - waitsSince >= MOST_WAITING_MS ? HELD : 'wait'
  if (others.length > 0) return HELD // yielded to us
  if (is.isContended || (unknown.size > 0 && now - waitsSince < MOST_UNKNOWN_MS)) return 'wait'
  return is.isCleared ? HELD : 'probe'
}

function giveUp(
  { winner, others, isHeard }: Situation,
  mine: Tenure,
  { alive }: TenureState,
  now: number,
): Tenure | 'none' {
  if (winner === undefined || !isHeard) return 'none' // whoever cannot be heard has nothing to hand over
  if (others.some(({ node, holding }) => node === winner && holding === 'held')) return 'none'
  const isReturn = alive !== 'all' && !alive.has(winner)
  const until = mine.until ?? now + (alive === 'all' ? UNTOLD_YIELDING_MS : MOST_YIELDING_MS)
  return isReturn || now >= until ? 'none' : { holding: 'yielding', until }
}

function isPresent({ alive }: TenureView, node: string): boolean {
  return alive === 'all' || alive.has(node)
}

function withArrivals(electorate: Electorate, coming: ReadonlySet<string>): Electorate {
  const { alive } = electorate
  return alive === 'all' ? electorate : { ...electorate, alive: new Set([...alive, ...coming]) }
}

/** Who holds it; where nobody does, who yields it. By name, the same for everybody. */
function ownersOf(node: string, { tenures }: TenureState, view: TenureView, key: string): readonly string[] {
  const mine = tenures.get(key)
  const all = [...view.holders(key), ...(mine === undefined ? [] : [{ node, holding: mine.holding }])]
  const held = all.filter(({ holding }) => holding === 'held')
  return (held.length > 0 ? held : all).map(each => each.node).sort()
}

function againAt(
  settings: TenureSettings,
  { tenures, waiting, readySince }: Pick<TenureState, 'tenures' | 'waiting' | 'readySince'>,
  view: TenureView,
  now: number,
): number | undefined {
  let due = Infinity
  const consider = (at: number): void => {
    if (at > now && at < due) due = at
  }
  for (const { until } of tenures.values()) if (until !== undefined) consider(until)
  for (const since of waiting.values()) {
    consider(since + MOST_UNKNOWN_MS)
    consider(since + MOST_WAITING_MS)
  }
  if (readySince !== undefined && view.coming.size > 0) consider(readySince + ARRIVAL_MS)
  if (settings.holdDownMs > 0) for (const since of view.presentSince.values()) consider(since + settings.holdDownMs)
  return due === Infinity ? undefined : due
}

function byKey(contests: readonly Contest[]): ReadonlyMap<string, Contest> {
  return new Map(contests.map(contest => [contest.key, contest]))
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every(each => b.has(each))
}
