import { judgeCollision, type SlotName, type Speakers } from './collision.ts'
import type { SessionInput, StateName } from './session-state.ts'
import type { Slot } from './slot.ts'
import { ERRORS } from './wire/notification.ts'

/** The connections with one peer: the one that we dial, and the one that it opened (RFC 4271 §6.8). */
export class Connections {
  readonly #slots: { outgoing?: Slot; incoming?: Slot } = {}

  get(name: SlotName): Slot | undefined {
    return this.#slots[name]
  }

  set(name: SlotName, slot: Slot): void {
    this.#slots[name] = slot
  }

  remove(name: SlotName, slot: Slot): void {
    if (this.#slots[name] === slot) delete this.#slots[name]
  }

  beside(name: SlotName): Slot | undefined {
    return this.#slots[name === 'outgoing' ? 'incoming' : 'outgoing']
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

  /**
   * A good OPEN came on this one: false when it is to go. `overtook`: what the established session left behind.
   * `isContested`: an established session may lose, too.
   */
  mayConfirm(name: SlotName, speakers: Speakers, overtook: Slot | undefined, isContested: boolean): boolean {
    const other = this.beside(name)
    const isOvertaken = overtook !== undefined && overtook === this.#slots[name]
    const verdict = judgeCollision(
      name,
      other && { state: other.state.name, overtook: isOvertaken, isContested },
      speakers,
    )
    if (verdict === 'other-loses') other?.dispatch({ type: 'collision-lost' })
    return verdict !== 'this-loses'
  }

  #all(): Slot[] {
    return [this.#slots.outgoing, this.#slots.incoming].filter(slot => slot !== undefined)
  }
}

const STATES = ['idle', 'active', 'connect', 'open-sent', 'open-confirm', 'established'] as const
