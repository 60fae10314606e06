import type { Publisher } from '@metallb-ts/event-bus'
import { isAtWork, lastForeignWrite, type AddressWriter, type ForeignInstallation } from '@metallb-ts/policy'
import type { Clock, Timer } from '@metallb-ts/runtime'
import type { InstallationEvents } from './events.ts'

export interface ForeignParts {
  readonly clock: Clock
  readonly events: Publisher<InstallationEvents>
}

/** Who else writes our Services: each is said once, and forgotten when it has been quiet for `FORGET_MS`. */
export class ForeignInstallations {
  readonly #parts: ForeignParts
  readonly #seen = new Map<string, { readonly at: number; readonly service: string }>()
  #since = ''
  #timer: Timer | undefined

  constructor(parts: ForeignParts) {
    this.#parts = parts
  }

  /** By name. */
  get all(): readonly ForeignInstallation[] {
    return Array.from(this.#seen, ([manager, { service }]) => ({ manager, service })).sort((a, b) =>
      a.manager < b.manager ? -1 : 1,
    )
  }

  /** What was written before we looked says nothing about who is here now. */
  begin(writers: Iterable<AddressWriter>): void {
    this.#since = lastForeignWrite(writers)
  }

  /** A Service of ours shows addresses that another wrote. */
  look(service: string, writer: AddressWriter): void {
    if (!isAtWork(writer, this.#since)) return
    const { manager } = writer
    const isNew = !this.#seen.has(manager)
    if (isNew && this.#seen.size >= MAX_INSTALLATIONS) return
    const { clock, events } = this.#parts
    this.#seen.set(manager, { at: clock.now(), service: this.#seen.get(manager)?.service ?? service })
    this.#timer ??= clock.setTimer(FORGET_MS, () => this.#forget())
    if (isNew) events.publish('installation:foreign', { installation: { manager, service }, all: this.all })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #forget(): void {
    this.#timer = undefined
    const { clock, events } = this.#parts
    const now = clock.now()
    for (const [manager, { at }] of this.#seen) {
      if (now - at < FORGET_MS) continue
      this.#seen.delete(manager)
      events.publish('installation:quiet', { manager, all: this.all })
    }
    if (this.#seen.size > 0) this.#timer = clock.setTimer(FORGET_MS, () => this.#forget())
  }
}

const FORGET_MS = 600_000
const MAX_INSTALLATIONS = 16
