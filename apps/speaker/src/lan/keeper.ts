import {
  INITIAL_TENURES,
  stepTenures,
  type Candidate,
  type DesiredAddress,
  type ElectionRules,
  type Holder,
  type Ownership,
  type TenureState,
  type Taken,
  type TenureView,
} from '@metallb-ts/l2-announcer'
import type { Holding } from '@metallb-ts/membership'
import type { Address } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'
import { contestsOf, movedBy, type LanAddress } from './contest.ts'

/** Who else is there, and what they hold. Without it every node counts, and nobody tells. */
export interface KeeperMembers {
  alive(): readonly string[]
  coming(): readonly string[]
  holdings(node: string): ReadonlyMap<string, Holding> | undefined
  hold(changes: ReadonlyMap<string, Holding | 'released'>): void
}

export interface KeeperParts {
  readonly clock: Clock
  readonly members: KeeperMembers | undefined
  readonly isUsable: (candidate: Candidate, address: Address) => boolean
  /** Makes the network be answered for exactly these, before it returns. */
  readonly apply: (desired: readonly DesiredAddress[]) => void
  /** Asks the network whether somebody has what this node is to announce first; without it nobody is asked. */
  readonly guard?: Guard | undefined
  /** Told what is known now of owners that was not before. */
  readonly onOwners: (changes: ReadonlyMap<string, Ownership>) => void
}

export interface Guard {
  probe(addresses: readonly DesiredAddress[], onDone: (taken: readonly Taken[]) => void): { cancel(): void }
  onTaken(taken: readonly Taken[]): void
}

/** Holds what this node is to hold: steps the tenures when something changes, and does what they say. */
export class Keeper {
  readonly #parts: KeeperParts
  readonly #settings: ElectionRules & { readonly node: string }
  readonly #presentSince = new Map<string, number>()
  #desired: readonly LanAddress[] = []
  #contests: TenureView['contests'] = []
  #moved: ReadonlyMap<string, readonly DesiredAddress[]> = new Map()
  #lastHeld = new Map<string, readonly DesiredAddress[]>()
  #owners: ReadonlyMap<string, Ownership> = new Map()
  #state: TenureState = INITIAL_TENURES
  #epoch = 0
  #timer: Timer | undefined
  #soon: Timer | undefined
  #isLeaving = false
  #isUnheard = false
  /** Held by somebody of ours since we look, or asked for and free. */
  readonly #cleared = new Set<string>()
  readonly #asking = new Map<string, { cancel(): void }>()

  constructor(parts: KeeperParts, settings: ElectionRules & { readonly node: string }) {
    this.#parts = parts
    this.#settings = settings
  }

  /** Nothing contested is held any more. */
  get isEmpty(): boolean {
    return this.#state.tenures.size === 0
  }

  setDesired(desired: readonly LanAddress[]): void {
    this.#desired = desired
    this.#contests = contestsOf(desired)
    this.#moved = movedBy(desired)
    const keys = new Set(this.#contests.map(({ key }) => key))
    for (const key of this.#cleared) if (!keys.has(key)) this.#cleared.delete(key)
    for (const [key, asking] of this.#asking) if (!keys.has(key)) this.#stopAsking(key, asking)
    this.reconsider()
  }

  /** Who is alive has changed, or which links are usable. */
  reconsider(): void {
    this.#epoch++
    this.#step()
  }

  onJoined(node: string): void {
    const { clock, members } = this.#parts
    // Whoever was there before us has been there for long.
    if (node === this.#settings.node)
      for (const other of members?.alive() ?? []) this.#presentSince.set(other, -Infinity)
    this.#presentSince.set(node, clock.now())
    this.reconsider()
  }

  onLeft(node: string): void {
    this.#presentSince.delete(node)
    this.reconsider()
  }

  /** What others hold comes in many packets: one step for all of them. */
  onHoldings(): void {
    this.#soon ??= this.#parts.clock.setTimer(0, () => {
      this.#soon = undefined
      this.#step()
    })
  }

  /** Nothing is held that this node does not win now: nobody has heard it for long. */
  letGo(): void {
    this.#isUnheard = true
    this.reconsider()
    this.#isUnheard = false
  }

  /** From now on everything goes to somebody else as soon as he says that he has it. */
  leave(): void {
    this.#isLeaving = true
    this.reconsider()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#soon?.cancel()
    for (const [key, asking] of this.#asking) this.#stopAsking(key, asking)
  }

  #step(): void {
    const { clock } = this.#parts
    const before = this.#state
    const view = this.#view()
    if (this.#parts.guard !== undefined) this.#clearWhatIsHeld(view)
    const { state, owners, toProbe, againAt } = stepTenures(this.#settings, before, view, clock.now())
    this.#state = state
    this.#parts.apply(this.#held())
    this.#tell(before)
    this.#publish(owners)
    for (const key of toProbe) this.#ask(key)
    this.#timer?.cancel()
    if (againAt !== undefined) this.#timer = clock.setTimer(againAt - clock.now(), () => this.#step())
  }

  #clearWhatIsHeld({ contests, holders }: TenureView): void {
    for (const { key } of contests) if (holders(key).length > 0) this.#cleared.add(key)
  }

  /** Whoever has it may go away: it is asked for again from time to time. */
  #ask(key: string): void {
    const { guard, clock } = this.#parts
    if (guard === undefined || this.#asking.has(key)) return
    const asking = guard.probe(this.#moved.get(key) ?? [], taken => {
      this.#asking.delete(key)
      if (taken.length === 0) {
        this.#cleared.add(key)
        return this.#step()
      }
      guard.onTaken(taken)
      const again = clock.setTimer(ASK_AGAIN_MS, () => {
        this.#asking.delete(key)
        this.#step()
      })
      this.#asking.set(key, again)
    })
    this.#asking.set(key, asking)
  }

  #stopAsking(key: string, asking: { cancel(): void }): void {
    asking.cancel()
    this.#asking.delete(key)
  }

  #view(): TenureView {
    const { members, isUsable } = this.#parts
    const { node } = this.#settings
    const living = members?.alive() ?? []
    const others = living.filter(other => other !== node)
    const isAnswered = (held: DesiredAddress): boolean => isUsable(asCandidate(node, held), held.address)
    const known = others.map(other => ({ node: other, holdings: members?.holdings(other) }))
    return {
      contests: this.#contests,
      epoch: this.#epoch,
      alive: members === undefined ? 'all' : new Set(this.#isLeaving ? others : living),
      coming: new Set(members?.coming() ?? []),
      unknown: new Set(known.flatMap(each => (each.holdings === undefined ? [each.node] : []))),
      holders: key => known.flatMap(each => holder(each.node, each.holdings?.get(key))),
      isUsable,
      isCleared: key => this.#parts.guard === undefined || this.#cleared.has(key),
      isHeard: key => !this.#isUnheard && this.#lastHeld.get(key)?.some(isAnswered) === true,
      presentSince: this.#presentSince,
    }
  }

  /** What is yielded is answered as it was, whatever this node may do now. */
  #held(): readonly DesiredAddress[] {
    const lastHeld = new Map<string, readonly DesiredAddress[]>()
    for (const [key, { holding }] of this.#state.tenures) {
      const now = this.#moved.get(key) ?? []
      lastHeld.set(key, holding === 'held' ? now : (this.#lastHeld.get(key) ?? now))
    }
    this.#lastHeld = lastHeld
    return [...this.#desired.filter(({ contest }) => contest === undefined), ...[...lastHeld.values()].flat()]
  }

  #tell({ tenures: before }: TenureState): void {
    const { tenures } = this.#state
    const changes = new Map<string, Holding | 'released'>()
    for (const [key, { holding }] of tenures) if (before.get(key)?.holding !== holding) changes.set(key, holding)
    for (const key of before.keys()) if (!tenures.has(key)) changes.set(key, 'released')
    if (changes.size > 0) this.#parts.members?.hold(changes)
  }

  #publish(owners: ReadonlyMap<string, Ownership>): void {
    const before = this.#owners
    this.#owners = owners
    const changes = new Map([...owners].filter(([key, ownership]) => !isSame(before.get(key), ownership)))
    if (changes.size > 0) this.#parts.onOwners(changes)
  }
}

const ASK_AGAIN_MS = 60_000

function asCandidate(node: string, { interfaces }: DesiredAddress): Candidate {
  return interfaces === 'all' ? { node } : { node, interfaces }
}

function holder(node: string, holding: Holding | undefined): readonly Holder[] {
  return holding === undefined ? [] : [{ node, holding }]
}

function isSame(a: Ownership | undefined, b: Ownership): boolean {
  return a?.owner === b.owner && a !== undefined && JSON.stringify(a.refusals) === JSON.stringify(b.refusals)
}
