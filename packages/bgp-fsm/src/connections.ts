import { judgeCollision, type OtherConnection, type SlotName, type Speakers } from './collision.ts'
import type { SessionInput, StateName } from './session-state.ts'
import type { Slot } from './slot.ts'
import { ERRORS } from './wire/notification.ts'

/**
 * The connections with one peer: the one that we dial, the one that it opened (RFC 4271 §6.8), and the one whose session
 * is established.
 */
export class Connections {
  readonly #attempts: { outgoing?: Slot; incoming?: Slot } = {}
  #established: { readonly slot: Slot; readonly name: SlotName } | undefined

  /** Not established yet. */
  attempt(name: SlotName): Slot | undefined {
    return this.#attempts[name]
  }

  /** Who opened the established one. */
  get establishedBy(): SlotName | undefined {
    return this.#established?.name
  }

  begin(name: SlotName, slot: Slot): void {
    this.#attempts[name] = slot
  }

  settle(name: SlotName, slot: Slot): void {
    this.remove(name, slot)
    this.#established = { slot, name }
  }

  remove(name: SlotName, slot: Slot): void {
    if (this.#attempts[name] === slot) delete this.#attempts[name]
    if (this.#established?.slot === slot) this.#established = undefined
  }

  beside(name: SlotName): Slot | undefined {
    return this.#attempts[name === 'outgoing' ? 'incoming' : 'outgoing']
  }

  get isEmpty(): boolean {
    return this.#all().length === 0
  }

  /** The state of the one that got furthest; undefined when there is none. */
  get furthest(): StateName | undefined {
    const names = this.#all().map(({ state }) => state.name)
    return STATES.findLast(state => names.includes(state))
  }

  dispatch(input: SessionInput): void {
    for (const slot of this.#all()) slot.dispatch(input)
  }

  /** An attempt that has not said anything yet is not needed any more. */
  giveUp(slot: Slot | undefined): void {
    slot?.dispatch({ type: 'stop', isManual: true, notification: ERRORS.collision(), because: 'restart' })
  }

  /** A good OPEN came on this attempt: false when it is to go. */
  mayConfirm(name: SlotName, speakers: Speakers, established: Established): boolean {
    const other = this.#established?.slot ?? this.beside(name)
    const overtook = established.overtook !== undefined && established.overtook === this.#attempts[name]
    const verdict = judgeCollision(name, other && { ...established, state: other.state.name, overtook }, speakers)
    if (verdict === 'other-loses') other?.dispatch({ type: 'collision-lost' })
    if (verdict === 'other-is-over') other?.dispatch({ type: 'tcp-failed', detail: RESTARTED })
    return verdict !== 'this-loses'
  }

  #all(): Slot[] {
    const { outgoing, incoming } = this.#attempts
    return [this.#established?.slot, outgoing, incoming].filter(slot => slot !== undefined)
  }
}

/** What is known of the established session, for an attempt beside it. */
interface Established extends Pick<OtherConnection, 'isContested' | 'mayBeOver'> {
  /** What it left behind on the way. */
  readonly overtook: Slot | undefined
}

const RESTARTED = 'the peer has restarted, and opened another'
const STATES = ['idle', 'active', 'connect', 'open-sent', 'open-confirm', 'established'] as const
