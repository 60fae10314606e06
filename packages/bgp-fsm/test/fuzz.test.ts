import { formatPrefix, maskedPrefix, parsePrefix } from '@metallb-ts/netip'
import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { receivedRoutes } from '../src/received.ts'
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type CodecContext,
  type Decoded,
  type NlriPrefix,
  type Update,
} from '../src/wire/index.ts'
import { Mutator } from './fuzz/mutate.ts'
import { OUR_ASN, PEER_ASN, Scene, US } from './scripted-scene.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40_000)
const SEED = Number(process.env['SEED'] ?? 20_260_101)
const TIMEOUT_MS = 60_000 + RUNS / 5

const CONTEXTS: readonly CodecContext[] = [
  { fourOctetAs: true, internal: false },
  { fourOctetAs: true, internal: true },
  { fourOctetAs: false, internal: false, firstAs: PEER_ASN },
  { fourOctetAs: true, internal: false, pathIds: ['ipv4', 'ipv6'], confederation: true, aigp: true },
]

describe(`whatever comes (seed ${SEED})`, () => {
  test(
    `[B-UPD-12] ${RUNS} messages: read without a throw, to nothing larger than they are, and what is valid is written as it was read`,
    () => {
      const mutator = new Mutator(new SimRandom(SEED))
      const outcomes = { valid: 0, mended: 0, refused: 0 }
      for (let run = 0; run < RUNS; run++) {
        const frame = mutator.frame()
        const context = CONTEXTS[run % CONTEXTS.length]!
        const problem = attempt(() => problemWith(frame, context, outcomes))
        if (problem !== undefined) fail(run, frame, problem)
      }
      // Far from the valid nothing is tried, far from the invalid neither.
      expect(Math.min(outcomes.valid, outcomes.mended, outcomes.refused)).toBeGreaterThan(RUNS / 100)
    },
    TIMEOUT_MS,
  )

  test(
    `[B-HDR-06] ${RUNS / 10} streams: however they are cut, the same frames and the same end`,
    () => {
      const mutator = new Mutator(new SimRandom(SEED + 1))
      for (let run = 0; run < RUNS / 10; run++) {
        const stream = mutator.stream()
        const cuts = framesOf(stream, () => 1 + mutator.below(40))
        const whole = framesOf(stream, () => stream.length)
        if (cuts !== whole) fail(run, stream, `${cuts} where ${whole} was expected`)
      }
    },
    TIMEOUT_MS,
  )

  test(
    `[B-HDR-07] ${RUNS / 40} sessions: they go on, or end with a NOTIFICATION or without a word, and another one follows`,
    () => {
      const mutator = new Mutator(new SimRandom(SEED + 2))
      for (let run = 0; run < RUNS / 40; run++) {
        const stream = mutator.stream()
        const problem = attempt(() => problemInSession(stream, run))
        if (problem !== undefined) fail(run, stream, problem)
      }
    },
    TIMEOUT_MS,
  )
})

function problemWith(
  frame: Uint8Array,
  context: CodecContext,
  outcomes: { valid: number; mended: number; refused: number },
): string | undefined {
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
  return text(again) === text(decoded) ? undefined : `written and read again: ${text(again)}, before: ${text(decoded)}`
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

function attempt(act: () => string | undefined): string | undefined {
  try {
    return act()
  } catch (error) {
    return String(error instanceof Error ? error.stack : error)
  }
}

function fail(run: number, bytes: Uint8Array, problem: string): never {
  throw new Error(`seed ${SEED}, input ${run}, ${Buffer.from(bytes).toString('hex')}: ${problem}`)
}

function text(decoded: Decoded): string {
  return JSON.stringify(decoded, (_, value: unknown) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    return typeof value === 'bigint' ? `${value}` : value
  })
}
