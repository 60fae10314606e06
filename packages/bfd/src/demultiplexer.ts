import { equalAddresses, formatAddress, type Address } from '@metallb-ts/netip'
import { failed, ok, type Result } from '@metallb-ts/runtime'
import type { DiscardReason } from './discard.ts'
import type { BfdPath, PathKind } from './path.ts'
import type { ControlDatagram, EchoDatagram } from './transport.ts'
import { decodeControl, type ControlPacket } from './wire/control-packet.ts'
import { decodeEcho, type EchoPacket } from './wire/echo-packet.ts'

/** What the demultiplexer has to know of a session. */
export interface Addressee {
  /** Ours: unique, not 0. */
  readonly discriminator: number
  readonly path: BfdPath
  readonly minimumTtl: number
}

/** What becomes of a datagram whose TTL the transport does not know: a filter before us has judged it, or not. */
export type UnknownTtl = 'reject' | 'trust-filter'

export interface Discarded<Session> {
  readonly reason: DiscardReason
  /** Whose it would have been, as far as that was known. */
  readonly session?: Session
}

/** Finds the session of a datagram, or the reason why it has none: RFC 5880 §6.8.6 down to what the session decides itself. */
export class Demultiplexer<Session extends Addressee> {
  readonly #unknownTtl: UnknownTtl
  readonly #byDiscriminator = new Map<number, Session>()
  readonly #byRemote = new Map<string, Session[]>()

  constructor({ unknownTtl }: { readonly unknownTtl: UnknownTtl }) {
    this.#unknownTtl = unknownTtl
  }

  get size(): number {
    return this.#byDiscriminator.size
  }

  has(discriminator: number): boolean {
    return this.#byDiscriminator.has(discriminator)
  }

  add(session: Session): void {
    const key = remoteKey(session.path.kind, session.path.remote)
    this.#byDiscriminator.set(session.discriminator, session)
    this.#byRemote.set(key, [...(this.#byRemote.get(key) ?? []), session])
  }

  remove(session: Session): void {
    const key = remoteKey(session.path.kind, session.path.remote)
    this.#byDiscriminator.delete(session.discriminator)
    const others = (this.#byRemote.get(key) ?? []).filter(other => other !== session)
    if (others.length > 0) this.#byRemote.set(key, others)
    else this.#byRemote.delete(key)
  }

  /** The session of a control packet. The first reason against it is the one given. */
  control(
    datagram: ControlDatagram,
  ): Result<{ readonly session: Session; readonly packet: ControlPacket }, Discarded<Session>> {
    const before = this.#lifetime(datagram)
    if (before !== undefined) return failed({ reason: before })
    const decoded = decodeControl(datagram.bytes)
    if (!decoded.ok) return failed({ reason: decoded.error })
    const packet = decoded.value
    const found = this.#session(packet, datagram)
    if (!found.ok) return failed({ reason: found.error })
    const session = found.value
    const reason = objection(session, packet, datagram)
    return reason === undefined ? ok({ session, packet }) : failed({ reason, session })
  }

  /** The session whose echo this is. Only what our peer has passed on once is one. */
  echo({
    bytes,
    ttl,
  }: EchoDatagram): Result<{ readonly session: Session; readonly echo: EchoPacket }, Discarded<Session>> {
    const echo = decodeEcho(bytes)
    const session = echo && this.#byDiscriminator.get(echo.myDiscriminator)
    if (echo === undefined || session === undefined) return failed({ reason: 'echo-not-ours' })
    return ttl === ECHO_TTL ? ok({ session, echo }) : failed({ reason: 'echo-ttl', session })
  }

  #lifetime({ port, ttl }: ControlDatagram): DiscardReason | undefined {
    if (ttl === undefined) return this.#unknownTtl === 'trust-filter' ? undefined : 'ttl-unknown'
    return port === 'multihop' || ttl === UNTOUCHED_TTL ? undefined : 'ttl'
  }

  #session({ yourDiscriminator, state }: ControlPacket, datagram: ControlDatagram): Result<Session, DiscardReason> {
    if (yourDiscriminator !== 0) {
      const session = this.#byDiscriminator.get(yourDiscriminator)
      return session === undefined ? failed('unknown-your-discriminator') : ok(session)
    }
    if (state === 'init' || state === 'up') return failed('zero-your-discriminator')
    const candidates = (this.#byRemote.get(remoteKey(datagram.port, datagram.source)) ?? []).filter(({ path }) =>
      isOn(path, datagram),
    )
    const session = candidates.find(({ path }) => namesInterface(path)) ?? candidates[0]
    return session === undefined ? failed('no-session') : ok(session)
  }
}

const UNTOUCHED_TTL = 255 // RFC 5881 §5: whoever is further away than one hop cannot make it so
const ECHO_TTL = 254

function objection(
  { path, minimumTtl }: Addressee,
  { isPoll, isFinal, authentication }: ControlPacket,
  { port, ttl }: ControlDatagram,
): DiscardReason | undefined {
  if (path.kind !== port) return 'wrong-port'
  if (path.kind === 'multihop' && ttl !== undefined && ttl < minimumTtl) return 'minimum-ttl'
  if (isPoll && isFinal) return 'poll-and-final'
  return authentication === undefined ? undefined : 'authentication-unexpected'
}

/** The first packet of a peer names no session (RFC 5881 §3, RFC 5883 §4). What the transport cannot tell is not compared. */
function isOn(path: BfdPath, datagram: ControlDatagram): boolean {
  if (path.vrf !== datagram.vrf) return false
  const { destination } = datagram
  if (path.local !== undefined && destination !== undefined && !equalAddresses(destination, path.local)) return false
  if (path.kind === 'multihop') return true
  return path.interface === undefined || datagram.interface === undefined || path.interface === datagram.interface
}

function namesInterface(path: BfdPath): boolean {
  return path.kind === 'single-hop' && path.interface !== undefined
}

function remoteKey(kind: PathKind, remote: Address): string {
  return `${kind} ${formatAddress(remote)}`
}
