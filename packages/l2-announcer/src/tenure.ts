import { electAll, type ElectionRules, type Electorate } from './electorate.ts'
import type { Election, Ineligibility } from './ownership.ts'

/**
 * Who holds what now, among announcers that tell each other what they hold. An election says who should; this says when.
 * A planned move is made before it is broken: the old owner answers until the new one says that it does. A move to a node
 * that came back is broken before it is made, within a round of messages, so that a return never makes two owners. A
 * death waits for nobody.
 */
export function stepTenures(settings: TenureSettings, state: TenureState, view: TenureView, now: number): TenureStep {
  const electorate: Electorate = { ...view, owned: key => ownersOf(settings.node, state, view, key), now }
  const isFresh = state.epoch !== view.epoch || settings.spreading.name !== 'metallb' || settings.holdDownMs > 0
  const elections = isFresh ? electAll(settings, electorate) : state.elections
  const readySince = isPresent(view, settings.node) ? (state.readySince ?? now) : undefined
  const isArriving = readySince !== undefined && now - readySince < ARRIVAL_MS && view.coming.size > 0
  const arrivals = isArriving ? electAll(settings, withArrivals(electorate, view.coming)) : elections
  const tenures = new Map<string, Tenure>()
  const waiting = new Map<string, number>()
  const owners = new Map<string, Ownership>()
  const toProbe: string[] = []
  for (const { key } of view.contests) {
    const election = elections.get(key)!
    const situation: Situation = {
      isCleared: view.isCleared(key),
      isHeard: view.isHeard(key),
      node: settings.node,
      winner: election.owner,
      mine: state.tenures.get(key),
      others: view.holders(key),
      waitsSince: state.waiting.get(key) ?? now,
      isContended: arrivals.get(key)!.owner !== election.owner,
    }
    const decision = decide(situation, state, view, now)
    if (decision === 'probe') toProbe.push(key)
    if (decision === 'wait' || decision === 'probe') waiting.set(key, situation.waitsSince)
    else if (decision !== 'none') tenures.set(key, decision)
    owners.set(key, ownership(situation, tenures.get(key), election))
  }
  const next = { tenures, waiting, elections, epoch: view.epoch, alive: view.alive, readySince }
  return { state: next, owners, toProbe, againAt: againAt(settings, next, view, now) }
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
  readonly elections: ReadonlyMap<string, Election>
  readonly epoch: number
  readonly alive: ReadonlySet<string> | 'all'
  readonly readySince: number | undefined
}

export const INITIAL_TENURES: TenureState = {
  tenures: new Map(),
  waiting: new Map(),
  elections: new Map(),
  epoch: -1,
  alive: new Set(),
  readySince: undefined,
}

/** Who answers for an address, as far as this node knows. */
export interface Ownership {
  readonly owner: string | undefined
  /** By node, why it may not own it; told only where nobody does. */
  readonly refusals: Readonly<Record<string, readonly Ineligibility[]>>
}

export interface TenureStep {
  readonly state: TenureState
  readonly owners: ReadonlyMap<string, Ownership>
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

interface Situation {
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

function ownership({ node, winner, others }: Situation, mine: Tenure | undefined, election: Election): Ownership {
  const owner = mine !== undefined ? node : (others.find(({ holding }) => holding === 'held')?.node ?? winner)
  const refused = owner === undefined ? election.verdicts : []
  return {
    owner: owner === node && mine === undefined ? undefined : owner,
    refusals: Object.fromEntries(
      refused.flatMap(verdict => (verdict.verdict === 'ineligible' ? [[verdict.node, verdict.reasons]] : [])),
    ),
  }
}

function againAt(settings: TenureSettings, state: TenureState, view: TenureView, now: number): number | undefined {
  const { tenures, waiting, readySince } = state
  const until = [...tenures.values()].flatMap(tenure => tenure.until ?? [])
  const first = Math.min(...waiting.values())
  const waits = waiting.size === 0 ? [] : [first + MOST_UNKNOWN_MS, first + MOST_WAITING_MS]
  const arrival = readySince !== undefined && view.coming.size > 0 ? [readySince + ARRIVAL_MS] : []
  const holds =
    settings.holdDownMs === 0 ? [] : [...view.presentSince.values()].map(since => since + settings.holdDownMs)
  const due = [...until, ...waits, ...arrival, ...holds].filter(at => at > now)
  return due.length === 0 ? undefined : Math.min(...due)
}
