import {
  INITIAL_TENURES,
  stepTenures,
  type Candidate,
  type DesiredAddress,
  type ElectionRules,
  type TenureState,
  type TenureStep,
  type Taken,
  type TenureView,
} from '@metallb-ts/l2-announcer'
import type { Holding } from '@metallb-ts/membership'
import type { Address } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'
import { contestsOf, movedBy, type LanAddress } from './contest.ts'
import { OthersHoldings } from './others-holdings.ts'

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
  readonly onOwners: (changes: TenureStep['owners']) => void
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
  readonly #others = new OthersHoldings()
  #uncontested: readonly DesiredAddress[] = []
  #contests: TenureView['contests'] = []
  #moved: ReadonlyMap<string, readonly DesiredAddress[]> = new Map()
  /** What is answered for each; of what is yielded as it was, whatever this node may do now. */
  readonly #lastHeld = new Map<string, readonly DesiredAddress[]>()
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
    this.#uncontested = desired.filter(({ contest }) => contest === undefined)
    this.#contests = contestsOf(desired, this.#contests)
    this.#moved = movedBy(desired)
    const keys = new Set(this.#contests.map(({ key }) => key))
    for (const key of this.#cleared) if (!keys.has(key)) this.#cleared.delete(key)
    for (const [key, asking] of this.#asking) if (!keys.has(key)) this.#stopAsking(key, asking)
    this.#epoch++
    this.#step(keys)
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
  onHoldings(node: string): void {
    this.#others.changed(node)
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

  /** @param desired the addresses of a new desired state */
  #step(desired?: ReadonlySet<string>, cleared?: string): void {
    const { clock, guard, members } = this.#parts
    const view = this.#view()
    if (guard !== undefined) for (const key of desired ?? view.touched) this.#clearIfHeld(key, view)
    if (cleared !== undefined) view.touched.add(cleared)
    const { state, owners, holdings, toProbe, againAt } = stepTenures(this.#settings, this.#state, view, clock.now())
    this.#state = state
    this.#hold(holdings, desired !== undefined)
    if (holdings.size > 0) members?.hold(holdings)
    if (owners.size > 0) this.#parts.onOwners(owners)
    for (const key of toProbe) this.#ask(key)
    this.#timer?.cancel()
    if (againAt !== undefined) this.#timer = clock.setTimer(againAt - clock.now(), () => this.#step())
  }

  #clearIfHeld(key: string, { holders }: TenureView): void {
    if (holders(key).length > 0) this.#cleared.add(key)
  }

  /** Whoever has it may go away: it is asked for again from time to time. */
  #ask(key: string): void {
    const { guard, clock } = this.#parts
    if (guard === undefined || this.#asking.has(key)) return
    const asking = guard.probe(this.#moved.get(key) ?? [], taken => {
      this.#asking.delete(key)
      if (taken.length === 0) {
        this.#cleared.add(key)
        return this.#step(undefined, key)
      }
      guard.onTaken(taken)
      const again = clock.setTimer(ASK_AGAIN_MS, () => {
        this.#asking.delete(key)
        this.#step(undefined, key)
      })
      this.#asking.set(key, again)
    })
    this.#asking.set(key, asking)
  }

  #stopAsking(key: string, asking: { cancel(): void }): void {
    asking.cancel()
    this.#asking.delete(key)
  }

  #view(): TenureView & { readonly touched: Set<string> } {
    const { members, isUsable } = this.#parts
    const { node } = this.#settings
    const living = members?.alive() ?? []
    const others = living.filter(other => other !== node)
    const touched = this.#others.look(others, other => members?.holdings(other))
    const isAnswered = (held: DesiredAddress): boolean => isUsable(asCandidate(node, held), held.address)
    return {
      contests: this.#contests,
      epoch: this.#epoch,
      alive: members === undefined ? 'all' : new Set(this.#isLeaving ? others : living),
      coming: new Set(members?.coming() ?? []),
      unknown: this.#others.unknown,
      holders: key => this.#others.holders(key),
      isUsable,
      isCleared: key => this.#parts.guard === undefined || this.#cleared.has(key),
      isHeard: key => !this.#isUnheard && this.#lastHeld.get(key)?.some(isAnswered) === true,
      presentSince: this.#presentSince,
      touched,
    }
  }

  #hold(changes: ReadonlyMap<string, Holding | 'released'>, isDesiredAnew: boolean): void {
    if (changes.size === 0 && !isDesiredAnew) return
    for (const [key, to] of changes) {
      if (to === 'released') this.#lastHeld.delete(key)
      else if (to === 'held' || !this.#lastHeld.has(key)) this.#lastHeld.set(key, this.#moved.get(key) ?? [])
    }
    if (isDesiredAnew) {
      for (const [key, { holding }] of this.#state.tenures)
        if (holding === 'held') this.#lastHeld.set(key, this.#moved.get(key) ?? [])
    }
    this.#parts.apply([...this.#uncontested, ...[...this.#lastHeld.values()].flat()])
  }
}

const ASK_AGAIN_MS = 60_000

function asCandidate(node: string, { interfaces }: DesiredAddress): Candidate {
  return interfaces === 'all' ? { node } : { node, interfaces }
}
