import { isDeepStrictEqual } from 'node:util'
import { address, formatPrefix, maskedPrefix, parsePrefix } from '@metallb-ts/netip'
import { receivedRoutes } from '../../src/received.ts'
import { advertisedRouter, routerAdvertisement } from '../../src/unnumbered/router-message.ts'
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type CodecContext,
  type NlriPrefix,
  type Update,
} from '../../src/wire/index.ts'
import { OUR_ASN, PEER_ASN, Scene, US } from '../scripted-scene.ts'
import type { Mutator } from './mutate.ts'

/** What came of messages: read as they were, read with something wrong in them, or answered with a NOTIFICATION. */
export interface Outcomes {
  valid: number
  mended: number
  refused: number
}

export const CONTEXTS: readonly CodecContext[] = [
  { fourOctetAs: true, internal: false },
  { fourOctetAs: true, internal: true },
  { fourOctetAs: false, internal: false, firstAs: PEER_ASN },
  { fourOctetAs: true, internal: false, pathIds: ['ipv4', 'ipv6'], confederation: true, aigp: true },
]

/** So many messages; throws at the first that is not survived. */
export function fuzzMessages(mutator: Mutator, runs: number, seed: number): Outcomes {
  const outcomes = { valid: 0, mended: 0, refused: 0 }
  for (let run = 0; run < runs; run++) {
    const frame = mutator.frame()
    const context = CONTEXTS[run % CONTEXTS.length]!
    survive(seed, run, frame, () => problemWith(frame, context, outcomes))
  }
  return outcomes
}

/** So many streams of octets, cut at random and whole. */
export function fuzzStreams(mutator: Mutator, runs: number, seed: number): void {
  for (let run = 0; run < runs; run++) {
    const stream = mutator.stream()
    survive(seed, run, stream, () => {
      const cuts = framesOf(stream, () => 1 + mutator.below(40))
      const whole = framesOf(stream, () => stream.length)
      return cuts === whole ? undefined : `${cuts} where ${whole} was expected`
    })
  }
}

/** So many sessions that a peer says almost the right things on. */
export function fuzzSessions(mutator: Mutator, runs: number, seed: number): void {
  for (let run = 0; run < runs; run++) {
    const stream = mutator.stream()
    survive(seed, run, stream, () => problemInSession(stream, run))
  }
}

/** So many router advertisements, as an unnumbered link may carry them. */
export function fuzzAdvertisements(mutator: Mutator, runs: number, seed: number): void {
  for (let run = 0; run < runs; run++) {
    const frame = mutator.changed(ADVERTISEMENT)
    survive(seed, run, frame, () => void advertisedRouter(frame))
  }
}

const ADVERTISEMENT = routerAdvertisement({ address: address('fe80::1'), mac: Uint8Array.of(2, 0, 0, 0, 0, 1) })

function problemWith(frame: Uint8Array, context: CodecContext, outcomes: Outcomes): string | undefined {
  const decoded = decodeMessage(frame, context)
  if (!decoded.ok) {
    outcomes.refused++
    const { code, subcode } = decoded.notification
    const { length } = encodeMessage(decoded.notification, context)
    return code >= 1 && code <= 7 && length <= 4_096 ? undefined : `an answer ${code}/${subcode} of ${length} octets`
  }
  const { message } = decoded
  if (message.type === 'update' && message.issues.length > 0) {
    outcomes.mended++
    return problemOfUpdate(message, frame.length)
  }
  outcomes.valid++
  if (message.type === 'update') {
    const problem = problemOfUpdate(message, frame.length)
    if (problem !== undefined) return problem
  }
  const again = decodeMessage(encodeMessage(message, context), context)
  return isDeepStrictEqual(again, decoded) ? undefined : 'written and read again it is another one'
}

function problemOfUpdate(update: Update, octets: number): string | undefined {
  const prefixes: NlriPrefix[] = [...update.announced, ...update.withdrawn]
  for (const one of update.attributes)
    if (one.kind === 'mp-reach' || one.kind === 'mp-unreach') prefixes.push(...one.prefixes)
  if (prefixes.length > octets) return `${prefixes.length} prefixes`
  const [first] = prefixes
  if (first !== undefined && maskedPrefix(first.address, first.length).address.value !== first.address.value)
    return `host bits in ${formatPrefix(first)}`
  const parsed = first === undefined ? undefined : parsePrefix(formatPrefix(first))
  if (parsed?.ok === false) return `no prefix: ${formatPrefix(first!)}`
  const routes = receivedRoutes(update, RECEIVING)
  const count = routes.announced.length + routes.withdrawn.length + routes.rejected.length
  return count > prefixes.length ? `${count} routes of ${prefixes.length} prefixes` : undefined
}

const RECEIVING = {
  localAsn: OUR_ASN,
  routerId: 0xc000_0201,
  families: ['ipv4', 'ipv6'],
  fourOctetAs: false,
  peerAsn: PEER_ASN,
  localAddress: US,
  peerRole: 'peer',
} as const

/** Everything that the framer hands over, and how it ends, in short. */
function framesOf(stream: Uint8Array, step: () => number): string {
  const framer = new Framer()
  const frames: string[] = []
  for (let at = 0; at < stream.length;) {
    const size = step()
    const error = framer.push(
      stream.subarray(at, at + size),
      frame => frames.push(Buffer.from(frame).toString('hex')) > 0,
    )
    if (error !== undefined) return `${frames.join()} ${error.code}/${error.subcode}`
    at += size
  }
  return `${frames.join()} ${framer.buffered}`
}

function problemInSession(stream: Uint8Array, run: number): string | undefined {
  const scene = new Scene({ hears: true, peer: { restartHelp: {}, maxPrefixes: 50 } })
  scene.peer.connect()
  if (run % 4 !== 0) scene.peer.greet({ asn: PEER_ASN })
  scene.take()
  scene.peer.sendBytes(stream)
  scene.advance(0)
  const said = scene.take()
  if (said.slice(0, -1).some(text => text.startsWith('N'))) return `${said.join(', ')}: something after a NOTIFICATION`
  if (said.at(-1)?.startsWith('N') === true && !scene.peer.isClosed) return 'a NOTIFICATION, and the connection stands'
  const isOpen = ['open-sent', 'open-confirm', 'established'].includes(scene.session.state)
  if (scene.peer.isClosed === isOpen) return `${isOpen ? 'closed' : 'open'}, and in state ${scene.session.state}`
  if (!scene.peer.isClosed) return undefined
  const dials = scene.peer.dials.length
  for (let s = 0; s < 400 && scene.peer.dials.length === dials; s++) scene.advance(1_000)
  if (scene.peer.dials.length === dials) return 'no other attempt'
  scene.establish()
  return scene.session.state === 'established' ? undefined : 'no other session'
}

function survive(seed: number, run: number, bytes: Uint8Array, act: () => string | undefined): void {
  let problem: string | undefined
  try {
    problem = act()
  } catch (error) {
    problem = String(error instanceof Error ? error.stack : error)
  }
  if (problem !== undefined)
    throw new Error(`seed ${seed}, input ${run}, ${Buffer.from(bytes).toString('hex')}: ${problem}`)
}
