import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import type { CloseReason } from './close-reason.ts'
import { negotiate, type Negotiated } from './negotiate.ts'
import type { SessionEffect, SessionInput, SessionSettings, SessionState, SessionTimer } from './session-state.ts'
import { stepSession } from './session.ts'
import type { Connection, ConnectionHandlers } from './transport.ts'
import type { CodecContext } from './wire/attributes.ts'
import { MESSAGE_TYPES } from './wire/constants.ts'
import { Framer } from './wire/framer.ts'
import { decodeMessage, encodeMessage, type Message, type RouteRefresh } from './wire/message.ts'
import type { Notification } from './wire/notification.ts'
import type { Update } from './wire/update.ts'

export type Ending = SessionEffect & { readonly type: 'ended' }

/** What a slot needs from its peer, and tells it. */
export interface SlotOwner {
  readonly dial: (handlers: {
    readonly opened: (connection: Connection) => ConnectionHandlers
    readonly failed: (detail: string) => void
  }) => { cancel(): void }
  /** A good OPEN: false when this connection loses against another (RFC 4271 §6.8). */
  readonly mayConfirm: (negotiated: Negotiated) => boolean
  readonly codec: (negotiated: Negotiated) => CodecContext
  readonly established: (negotiated: Negotiated) => void
  readonly isPathUp: () => boolean
  /** A whole message went one way or the other, header and all. */
  readonly passed: (direction: 'sent' | 'received', bytes: Uint8Array, connection: Connection) => void
  readonly update: (update: Update) => void
  readonly refresh: (request: RouteRefresh) => void
  readonly drained: () => void
  readonly moved: () => void
  readonly attemptFailed: (reason: CloseReason, retryMs: number) => void
  readonly ended: (ending: Ending) => void
  /** Connections that this slot has open changed in number. */
  readonly connections: (difference: 1 | -1) => void
}

/** One session machine and the connection it runs over. From start to idle it lives once. */
export class Slot {
  readonly #owner: SlotOwner
  readonly #settings: SessionSettings
  readonly #runner: MachineRunner<SessionState, SessionInput, SessionEffect, SessionTimer>
  #framer = new Framer()
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
    this.#settings = settings
    this.#runner = new MachineRunner<SessionState, SessionInput, SessionEffect, SessionTimer>(components, {
      initial: { name: 'idle' },
      step: (state, input) => stepSession(settings, state, input),
      perform: effect => this.#perform(effect),
      expired: timer => ({ type: 'expired', timer }),
      onStep: (before, after) => before.name !== after.name && owner.moved(),
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
    this.#framer = new Framer()
    this.#connection = connection
    this.#owner.connections(1)
    this.dispatch({ type: 'connected' })
    return {
      received: bytes => this.#isCurrent(connection) && this.#onBytes(bytes),
      closed: detail => {
        this.#owner.connections(-1)
        if (this.#isCurrent(connection)) this.dispatch({ type: 'tcp-failed', detail })
      },
      drained: () => this.#isCurrent(connection) && this.#owner.drained(),
    }
  }

  /** A whole message, past the machine; false when the connection asks for a pause. */
  write(bytes: Uint8Array): boolean {
    const connection = this.#connection
    if (connection === undefined) return true
    this.#owner.passed('sent', bytes, connection)
    return connection.write(bytes)
  }

  /** Late callbacks of a connection that was given up mean nothing. */
  #isCurrent(connection: Connection): boolean {
    return !this.#isOver && this.#connection === connection
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial()
      case 'send':
        this.write(encodeMessage(effect.message, this.#codec))
        return
      case 'open-accepted':
        this.#codec = this.#owner.codec(effect.negotiated)
        if (effect.negotiated.extendedMessages) this.#framer.allowExtended()
        return
      case 'established':
        return this.#owner.established(effect.negotiated)
      case 'ask-path':
        return this.#owner.isPathUp() ? this.dispatch({ type: 'path-up' }) : undefined
      case 'update':
        return this.#owner.update(effect.update)
      case 'refresh':
        return this.#owner.refresh(effect.request)
      case 'close':
        return this.#drop('flush')
      case 'attempt-failed':
        return this.#owner.attemptFailed(effect.reason, effect.retryMs)
      case 'ended':
        this.#isOver = true
        this.#framer.stop()
        this.#runner.stop()
        return this.#owner.ended(effect)
    }
  }

  #dial(): void {
    this.#drop('now')
    const attempt = this.#owner.dial({
      opened: connection => this.adopt(connection),
      failed: detail => this.dispatch({ type: 'tcp-failed', detail }),
    })
    this.#attempt = attempt
  }

  #drop(how: 'flush' | 'now'): void {
    this.#attempt?.cancel()
    this.#attempt = undefined
    const connection = this.#connection
    this.#connection = undefined
    connection?.close(how)
  }

  #onBytes(bytes: Uint8Array): void {
    const opens: Uint8Array[] = []
    const error = this.#framer.push(bytes, frame => {
      // What stands right behind an OPEN may explain it better than we can.
      if (opens.length > 0 || frame[18] === MESSAGE_TYPES.open) opens.push(frame.slice())
      else this.#onFrame(frame)
      return !this.#isOver
    })
    const behind = opens
      .filter(frame => frame[18] === MESSAGE_TYPES.notification)
      .map(frame => decodeMessage(frame, this.#codec))
      .find(isNotification)
    for (const frame of opens) {
      if (this.#isOver) return
      this.#onFrame(frame, behind?.message)
    }
    if (error !== undefined && !this.#isOver) this.dispatch({ type: 'malformed', notification: error })
  }

  #onFrame(frame: Uint8Array, followedBy?: Notification): void {
    if (this.#connection !== undefined) this.#owner.passed('received', frame, this.#connection)
    const decoded = decodeMessage(frame, this.#codec)
    if (!decoded.ok) {
      const isOpen = decoded.notification.code === 2
      if (isOpen && followedBy !== undefined) return this.dispatch({ type: 'message', message: followedBy })
      return this.dispatch({ type: 'malformed', notification: decoded.notification })
    }
    const { message } = decoded
    if (message.type === 'open' && !this.#survives(message)) return this.dispatch({ type: 'collision-lost' })
    this.dispatch({ type: 'message', message, ...(followedBy !== undefined && { followedBy }) })
  }

  #survives(open: Message & { readonly type: 'open' }): boolean {
    const { name } = this.state
    if (name === 'open-confirm' || name === 'established') return true
    const negotiation = negotiate(this.#settings, open)
    return !negotiation.ok || this.#owner.mayConfirm(negotiation.negotiated)
  }
}

function isNotification(decoded: ReturnType<typeof decodeMessage>): decoded is { ok: true; message: Notification } {
  return decoded.ok && decoded.message.type === 'notification'
}
