import { failed, ok, type Result } from '@metallb-ts/runtime'
import { noDiscards, type Discards, type SessionCounters } from './counters.ts'
import { Demultiplexer, type UnknownTtl } from './demultiplexer.ts'
import type { DiscardReason } from './discard.ts'
import { drawUnused } from './draw.ts'
import { Listeners } from './listeners.ts'
import { LiveSession, type LiveSessionComponents, type Move, type SessionTiming } from './live-session.ts'
import { pathKey, pathProblem, type BfdPath, type SessionKey } from './path.ts'
import { completeProfile, strictestProfile, type BfdProfile, type CompleteProfile } from './profile.ts'
import type { PeerView } from './session-state.ts'
import type { StateName } from './wire/control-packet.ts'
import type { Datagram, EchoDatagram, TransportProblem } from './transport.ts'

/** A clock, chance, UDP, and somebody to tell. */
export type BfdComponents = LiveSessionComponents

export interface BfdInit {
  /** Whether a datagram is taken whose TTL the transport cannot tell. @default reject */
  readonly unknownTtl?: UnknownTtl
}

/** Many sessions over one transport. */
export interface Bfd {
  readonly sessions: ReadonlyMap<SessionKey, BfdSession>
  /** What was received and not used, of all sessions and of none. */
  readonly discarded: Discards
  /**
   * Watches a path, or joins who watches it already (RFC 5882 §4.4): of several profiles the strictest holds. A profile
   * that is out of bounds is the caller's mistake and throws a RangeError.
   */
  open(path: BfdPath, profile?: BfdProfile): Result<SessionHandle, OpenProblem>
  /**
   * Says AdminDown to every peer for its detection time; resolves when nothing is open. Whatever runs over the paths stops
   * before. On a loop that blocks its thread, where no promise resolves, `bfd:closed` of the last session says the same.
   */
  stop(): Promise<void>
}

export type OpenProblem =
  TransportProblem | { readonly code: 'impossible-path' | 'too-many-sessions'; readonly detail: string }

/** One session as everybody sees it. */
export interface BfdSession {
  readonly key: SessionKey
  readonly path: BfdPath
  readonly discriminator: number
  readonly sourcePort: number
  readonly state: StateName
  /** Why it last went down, until it is up again; see `diagnosticName`. */
  readonly diagnostic: number
  /** Undefined until it first moves. `lastSight` says what it means. */
  readonly lastMove: Move | undefined
  /** What the peer last said; undefined after a detection time of silence. */
  readonly remote: PeerView | undefined
  /** What is in force, of all users of the session. */
  readonly profile: CompleteProfile
  readonly timing: SessionTiming
  readonly counters: SessionCounters
  /** AdminDown, until `enable`: the peer is not to take it for a failure. */
  disable(): void
  enable(): void
}

/** One user's part in a session. */
export interface SessionHandle {
  readonly session: BfdSession
  /** Another profile, without leaving Up. Out of bounds: RangeError. */
  update(profile: BfdProfile): void
  /** Safe to repeat. Resolves when the session has ended, or at once while it has other users. */
  close(): Promise<void>
}

export function createBfd(components: BfdComponents, init: BfdInit = {}): Bfd {
  return new SessionTable(components, init)
}

/** Watches one path and no other; to watch several, `createBfd` and its `open`, which share sockets. */
export function createBfdSession(
  components: BfdComponents,
  path: BfdPath,
  profile: BfdProfile = {},
  init: BfdInit = {},
): Result<SessionHandle, OpenProblem> {
  return createBfd(components, init).open(path, profile)
}

const MAX_SESSIONS = 4_096
const DISCRIMINATORS = { least: 1, most: 0xffff_ffff }
const SOURCE_PORTS = { least: 49_152, most: 65_535 } // RFC 5881 §4

interface Entry {
  readonly session: LiveSession
  readonly users: Map<object, CompleteProfile>
  /** Those who wait for its end. */
  readonly waiting: (() => void)[]
}

class SessionTable implements Bfd {
  readonly #components: BfdComponents
  readonly #entries = new Map<SessionKey, Entry>()
  readonly #demultiplexer: Demultiplexer<LiveSession>
  readonly #listeners: Listeners
  readonly #ports = new Set<number>()
  readonly #discarded = noDiscards()

  constructor(components: BfdComponents, { unknownTtl = 'reject' }: BfdInit) {
    this.#components = components
    this.#demultiplexer = new Demultiplexer({ unknownTtl })
    this.#listeners = new Listeners(components.transport, datagram => this.#received(datagram))
  }

  get sessions(): ReadonlyMap<SessionKey, BfdSession> {
    return new Map(Array.from(this.#entries, ([key, { session }]) => [key, session]))
  }

  get discarded(): Discards {
    return { ...this.#discarded }
  }

  open(path: BfdPath, profile: BfdProfile = {}): Result<SessionHandle, OpenProblem> {
    const impossible = pathProblem(path)
    if (impossible !== undefined) return failed({ code: 'impossible-path', detail: impossible })
    const complete = completeProfile(profile)
    const known = this.#entries.get(pathKey(path))
    if (known !== undefined) return ok(this.#join(known, complete))
    if (this.#entries.size === MAX_SESSIONS)
      return failed({ code: 'too-many-sessions', detail: `there are ${MAX_SESSIONS} already` })
    const listening = this.#listeners.take(path)
    if (!listening.ok) return listening
    const entry = this.#begin(path, complete)
    const handle = this.#join(entry, complete)
    entry.session.start()
    return ok(handle)
  }

  async stop(): Promise<void> {
    const all = [...this.#entries.values()]
    await Promise.all(
      all.map(entry => {
        entry.users.clear()
        return this.#end(entry)
      }),
    )
  }

  #begin(path: BfdPath, profile: CompleteProfile): Entry {
    const { random } = this.#components
    const discriminator = drawUnused(random, DISCRIMINATORS, one => this.#demultiplexer.has(one))
    const ports = {
      takePort: () => {
        const port = drawUnused(random, SOURCE_PORTS, one => this.#ports.has(one))
        this.#ports.add(port)
        return port
      },
      releasePort: (port: number) => void this.#ports.delete(port),
    }
    const onEnded = (): void => this.#ended(entry)
    const session = new LiveSession(this.#components, { path, profile, discriminator, ports, onEnded })
    const entry: Entry = { session, users: new Map(), waiting: [] }
    this.#entries.set(session.key, entry)
    this.#demultiplexer.add(session)
    return entry
  }

  #join(entry: Entry, profile: CompleteProfile): SessionHandle {
    const { session, users } = entry
    const user = {}
    const wasEnding = users.size === 0
    users.set(user, profile)
    this.#configure(entry)
    if (wasEnding) {
      session.enable()
      for (const resolve of entry.waiting.splice(0)) resolve()
    }
    return {
      session,
      update: next => {
        if (!users.has(user)) return
        users.set(user, completeProfile(next))
        this.#configure(entry)
      },
      close: () => {
        const wasUser = users.delete(user)
        if (users.size === 0) return this.#end(entry)
        if (wasUser) this.#configure(entry)
        return Promise.resolve()
      },
    }
  }

  #configure({ session, users }: Entry): void {
    const profile = strictestProfile([...users.values()])
    const isSame = Object.entries(profile).every(
      ([field, value]) => session.profile[field as keyof BfdProfile] === value,
    )
    if (!isSame) session.configure(profile)
  }

  #end(entry: Entry): Promise<void> {
    if (this.#entries.get(entry.session.key) !== entry) return Promise.resolve()
    return new Promise(resolve => {
      entry.waiting.push(resolve)
      entry.session.close()
    })
  }

  #ended(entry: Entry): void {
    this.#entries.delete(entry.session.key)
    this.#demultiplexer.remove(entry.session)
    this.#listeners.release(entry.session.path)
    this.#components.events.publish('bfd:closed', { session: entry.session.key })
    for (const resolve of entry.waiting.splice(0)) resolve()
  }

  #received(datagram: Datagram): void {
    if (datagram.port === 'echo') return this.#echoed(datagram)
    const found = this.#demultiplexer.control(datagram)
    if (found.ok) found.value.session.received(found.value.packet)
    else this.#discard(found.error.reason, found.error.session)
  }

  #echoed(datagram: EchoDatagram): void {
    const found = this.#demultiplexer.echo(datagram)
    if (!found.ok) return this.#discard(found.error.reason, found.error.session)
    const { session, echo } = found.value
    const reason = session.echoed(echo)
    if (reason !== undefined) this.#discard(reason, session)
  }

  #discard(reason: DiscardReason, session: LiveSession | undefined): void {
    this.#discarded[reason]++
    session?.discard(reason)
  }
}
