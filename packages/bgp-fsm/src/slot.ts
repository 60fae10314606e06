import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import type { CloseReason } from './close-reason.ts'
import type { Negotiated } from './negotiate.ts'
import {
  stepSession,
  type SessionEffect,
  type SessionInput,
  type SessionSettings,
  type SessionState,
  type SessionTimer,
  type StateName,
} from './session.ts'
import type { Connection, ConnectionHandlers } from './transport.ts'
import type { CodecContext } from './wire/attributes.ts'
import { decodeMessage, encodeMessage, Framer, type Message, type RouteRefresh } from './wire/message.ts'
import type { Update } from './wire/update.ts'

export type SlotName = 'outgoing' | 'incoming'

/** What a slot needs from its peer, and tells it. */
export interface SlotOwner {
  readonly dial: (
    opened: (connection: Connection) => ConnectionHandlers,
    failed: (detail: string) => void,
  ) => { cancel(): void }
  readonly openAccepted: (negotiated: Negotiated) => void
  readonly established: (negotiated: Negotiated) => void
  readonly received: (type: Message['type']) => void
  readonly sent: () => void
  readonly update: (update: Update) => void
  readonly refresh: (request: RouteRefresh) => void
  readonly drained: () => void
  readonly moved: (from: StateName, to: StateName) => void
  readonly ended: (reason: CloseReason) => void
}

/** One connection and the session machine that runs over it. Lives once. */
export class Slot {
  readonly #owner: SlotOwner
  readonly #runner: MachineRunner<SessionState, SessionInput, SessionEffect, SessionTimer>
  readonly #framer = new Framer()
  #codec: CodecContext = { fourOctetAs: true, internal: false }
  #connection: Connection | undefined
  #attempt: { cancel(): void } | undefined
  #isOver = false

  constructor(
    components: { readonly clock: Clock; readonly random: Random },
    settings: SessionSettings,
    owner: SlotOwner,
  ) {
    this.#owner = owner
    this.#runner = new MachineRunner<SessionState, SessionInput, SessionEffect, SessionTimer>(components, {
      initial: { name: 'idle' },
      step: (state, input) => stepSession(settings, state, input),
      perform: effect => this.#perform(effect),
      expired: timer => ({ type: 'expired', timer }),
      onStep: (before, after) => owner.moved(before.name, after.name),
    })
  }

  get state(): SessionState {
    return this.#runner.state
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  dispatch(input: SessionInput): void {
    this.#runner.dispatch(input)
  }

  /** Runs over a connection that stands already. */
  adopt(connection: Connection): ConnectionHandlers {
    this.#connection = connection
    this.dispatch({ type: 'connected' })
    return this.#handlers()
  }

  /** Drops the connection without a word. */
  abandon(): void {
    this.#isOver = true
    this.#runner.stop()
    this.#attempt?.cancel()
    this.#connection?.close('now')
    this.#owner.ended({ code: 'stopped' })
  }

  /** Whole messages, past the machine; false when the connection asks for a pause. */
  write(bytes: Uint8Array): boolean {
    return this.#connection?.write(bytes) ?? true
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'dial':
        this.#attempt = this.#owner.dial(
          connection => this.adopt(connection),
          detail => this.dispatch({ type: 'connect-failed', detail }),
        )
        return
      case 'send':
        this.#owner.sent()
        this.write(encodeMessage(effect.message, this.#codec))
        return
      case 'open-accepted':
        this.#agree(effect.negotiated)
        return this.#owner.openAccepted(effect.negotiated)
      case 'established':
        return this.#owner.established(effect.negotiated)
      case 'update':
        return this.#owner.update(effect.update)
      case 'refresh':
        return this.#owner.refresh(effect.request)
      case 'close':
        this.#attempt?.cancel()
        return this.#connection?.close('flush')
      case 'ended':
        this.#isOver = true
        this.#runner.stop()
        return this.#owner.ended(effect.reason)
    }
  }

  #agree({ fourOctetAs, internal, extendedMessages }: Negotiated): void {
    this.#codec = { fourOctetAs, internal }
    if (extendedMessages) this.#framer.allowExtended()
  }

  #handlers(): ConnectionHandlers {
    return {
      received: bytes => this.#onBytes(bytes),
      closed: detail => this.dispatch({ type: 'connection-closed', detail }),
      drained: () => this.#owner.drained(),
    }
  }

  #onBytes(bytes: Uint8Array): void {
    const { frames, error } = this.#framer.push(bytes)
    for (const frame of frames) {
      if (this.#isOver) return
      const decoded = decodeMessage(frame, this.#codec)
      if (!decoded.ok) return this.dispatch({ type: 'malformed', notification: decoded.notification })
      this.#owner.received(decoded.message.type)
      this.dispatch({ type: 'message', message: decoded.message })
    }
    if (error !== undefined && !this.#isOver) this.dispatch({ type: 'malformed', notification: error })
  }
}
