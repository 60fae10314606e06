import type { Publisher } from '@metallb-ts/event-bus'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import { noDiscards, type Mutable, type SessionCounters } from './counters.ts'
import type { Addressee } from './demultiplexer.ts'
import type { DiscardReason } from './discard.ts'
import { echoDetectionTimeMs, echoIntervalMs } from './echo.ts'
import type { BfdEvents } from './events.ts'
import { detectionTimeMs, transmitIntervalMs } from './intervals.ts'
import { Outlet, type OutletInit } from './outlet.ts'
import { pathKey, type BfdPath, type SessionKey } from './path.ts'
import type { CompleteProfile } from './profile.ts'
import {
  initialSession,
  stepSession,
  type MoveCause,
  type SessionEffect,
  type SessionInput,
  type SessionTimer,
} from './session.ts'
import type { PeerView, SessionSettings, SessionState } from './session-state.ts'
import type { BfdTransport } from './transport.ts'
import { encodeControl, type ControlPacket, type StateName } from './wire/control-packet.ts'
import { encodeEcho, type EchoPacket } from './wire/echo-packet.ts'

export interface LiveSessionComponents {
  readonly clock: Clock
  readonly random: Random
  readonly transport: BfdTransport
  readonly events: Publisher<BfdEvents>
}

export interface LiveSessionInit {
  readonly path: BfdPath
  readonly profile: CompleteProfile
  readonly discriminator: number
  readonly ports: Pick<OutletInit, 'takePort' | 'releasePort'>
  readonly onEnded: () => void
}

/** One session that runs: the machine, its timers, its way out, and what is counted of it. */
export class LiveSession implements Addressee {
  readonly key: SessionKey
  readonly path: BfdPath
  readonly discriminator: number
  readonly #components: LiveSessionComponents
  readonly #outlet: Outlet
  readonly #runner: MachineRunner<SessionState, SessionInput, SessionEffect, SessionTimer>
  readonly #onEnded: () => void
  readonly #counters: Mutable<SessionCounters> & { readonly discarded: ReturnType<typeof noDiscards> }
  #settings: SessionSettings
  #lastMove: Move | undefined
  #heardDiagnostic: number | undefined

  constructor(components: LiveSessionComponents, { path, profile, discriminator, ports, onEnded }: LiveSessionInit) {
    const { clock, random, transport, events } = components
    this.key = pathKey(path)
    this.path = path
    this.discriminator = discriminator
    this.#components = components
    this.#onEnded = onEnded
    this.#settings = { discriminator, profile, isEchoPath: path.kind === 'single-hop' && path.remote.family === 'ipv4' }
    this.#counters = { ...NOTHING_COUNTED, discarded: noDiscards() }
    this.#outlet = new Outlet({
      ...ports,
      transport,
      path,
      onProblem: ({ code, detail }) => events.publish('bfd:send-failed', { session: this.key, code, detail }),
    })
    this.#runner = new MachineRunner(
      { clock, random },
      {
        initial: initialSession(profile),
        step: (state, input, now) => stepSession(this.#settings, state, input, now),
        perform: effect => this.#perform(effect),
        expired: timer => ({ type: 'expired', timer }),
      },
    )
  }

  get state(): StateName {
    return this.#runner.state.name
  }

  get diagnostic(): number {
    return this.#runner.state.diagnostic
  }

  get lastMove(): Move | undefined {
    return this.#lastMove
  }

  get remote(): PeerView | undefined {
    return this.#runner.state.peer
  }

  get profile(): CompleteProfile {
    return this.#settings.profile
  }

  get minimumTtl(): number {
    return this.#settings.profile.minimumTtl
  }

  get sourcePort(): number {
    return this.#outlet.sourcePort
  }

  get counters(): SessionCounters {
    return { ...this.#counters, discarded: { ...this.#counters.discarded } }
  }

  get timing(): SessionTiming {
    const { state } = this.#runner
    return {
      transmitIntervalMs: transmitIntervalMs(this.profile, state),
      detectionTimeMs: detectionTimeMs(state),
      echoIntervalMs: echoIntervalMs(this.#settings, state),
    }
  }

  start(): void {
    this.#runner.dispatch({ type: 'start' })
  }

  configure(profile: CompleteProfile): void {
    this.#settings = { ...this.#settings, profile }
    this.#runner.dispatch({ type: 'reconfigured' })
  }

  disable(): void {
    this.#runner.dispatch({ type: 'disable' })
  }

  enable(): void {
    this.#runner.dispatch({ type: 'enable' })
  }

  close(): void {
    this.#runner.dispatch({ type: 'close' })
  }

  received(packet: ControlPacket): void {
    this.#counters.controlIn++
    this.#heardDiagnostic = packet.diagnostic
    this.#runner.dispatch({ type: 'received', packet })
  }

  /** An echo proves something only while it is younger than what it is waited for. */
  echoed({ sentAt }: EchoPacket): DiscardReason | undefined {
    const limit = echoDetectionTimeMs(this.#settings, this.#runner.state)
    if (limit === undefined) return 'echo-unexpected'
    const ageMs = this.#components.clock.now() - sentAt
    if (ageMs < -ROUNDING_MS || ageMs > limit) return 'echo-stale'
    this.#counters.echoIn++
    this.#runner.dispatch({ type: 'echoed' })
    return undefined
  }

  discard(reason: DiscardReason): void {
    this.#counters.discarded[reason]++
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'send':
        if (this.#outlet.send(encodeControl(effect.packet))) this.#counters.controlOut++
        else this.#counters.sendFailures++
        return
      case 'send-echo': {
        const echo = { myDiscriminator: this.discriminator, sentAt: this.#components.clock.now() }
        if (this.#outlet.sendEcho(encodeEcho(echo))) this.#counters.echoOut++
        else this.#counters.sendFailures++
        return
      }
      case 'moved':
        return this.#moved(effect)
      case 'overran':
        return this.#overran(effect.ms)
      case 'ended':
        this.#runner.stop()
        this.#outlet.close()
        return this.#onEnded()
    }
  }

  #moved({ from, to, cause }: SessionEffect & { type: 'moved' }): void {
    const { events, clock } = this.#components
    const { key: session, diagnostic } = this
    const remoteDiagnostic = this.#heardDiagnostic
    this.#lastMove = { from, to, cause, remoteDiagnostic, at: clock.wallTime() }
    if (to === 'up') this.#counters.upEvents++
    if (from === 'up' && to === 'down') this.#counters.downEvents++
    events.publish('bfd:state-changed', {
      session,
      from,
      to,
      cause,
      diagnostic,
      remoteDiagnostic,
    })
    if (to === 'up') events.publish('bfd:up', { session })
    if (from === 'up') events.publish('bfd:down', { session, cause, diagnostic })
  }

  #overran(ms: number): void {
    this.#counters.longestOverrunMs = Math.max(this.#counters.longestOverrunMs, ms)
    if (ms >= (detectionTimeMs(this.#runner.state) ?? Infinity))
      this.#components.events.publish('bfd:stalled', { session: this.key, ms })
  }
}

/** The last time that a session came into another state. */
export interface Move {
  readonly from: StateName
  readonly to: StateName
  readonly cause: MoveCause
  /** What the peer gave last as the reason why it was down, if it ever said anything. */
  readonly remoteDiagnostic: number | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Milliseconds; undefined for what does not happen now. */
export interface SessionTiming {
  readonly transmitIntervalMs: number | undefined
  readonly detectionTimeMs: number | undefined
  readonly echoIntervalMs: number | undefined
}

const ROUNDING_MS = 1 // echoes carry whole microseconds

const NOTHING_COUNTED: Omit<SessionCounters, 'discarded'> = {
  controlIn: 0,
  controlOut: 0,
  echoIn: 0,
  echoOut: 0,
  upEvents: 0,
  downEvents: 0,
  sendFailures: 0,
  longestOverrunMs: 0,
}
