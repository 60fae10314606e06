// The routers' side of the benchmarks, in a process of its own: takes sessions on every address, counts what it is told,
// and sends a full table when asked to. It knows no more BGP than that, so that it is never what is measured.
import { createServer, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { encodeMessage, Framer, KEEPALIVE, MESSAGE_TYPES, type Message } from '../src/wire/index.ts'
import { unicast } from '../src/wire/capabilities.ts'
import { hostRoutes } from './routes.ts'
import { SINK_ASN } from './sink-process.ts'

export type Order =
  | { readonly type: 'counts' }
  /** Announces so many host routes, an UPDATE each, on the newest session. */
  | { readonly type: 'dump'; readonly count: number }

export interface Counts {
  readonly updates: number
  /** Announced and withdrawn, as they came. */
  readonly prefixes: number
  /** Of the machine's monotonic clock, when the last UPDATE came. */
  readonly lastMs: number
  /** The longest time without a KEEPALIVE of the newest session, since its dump began. */
  readonly longestSilenceMs: number
}

setPriority(0) // routers are other machines: they take no time from who is measured

const HOLD_SECONDS = 3
const KEEPALIVE_MS = (HOLD_SECONDS * 1_000) / 3
const CODEC = { fourOctetAs: true, internal: false }
const state = { updates: 0, prefixes: 0, lastMs: 0, longestSilenceMs: 0 }
let newest: Socket | undefined
let heard = 0

const server = createServer({ noDelay: true }, socket => {
  newest = socket
  const framer = new Framer()
  const say = (message: Message): void => void socket.write(encodeMessage(message, CODEC))
  // By its own timer: who tells us routes all the time need not say KEEPALIVE for us to answer.
  const beat = setInterval(say, KEEPALIVE_MS, KEEPALIVE)
  socket.on('error', () => {})
  socket.on('close', () => clearInterval(beat))
  socket.on('data', bytes => void framer.push(bytes, frame => take(frame, say)))
})
server.listen(0, '0.0.0.0', () => {
  const address = server.address()
  process.send!({ port: typeof address === 'object' ? address?.port : undefined })
})

process.on('message', (order: Order) => {
  if (order.type === 'dump') dump(order.count)
  process.send!({ ...state })
  if (order.type === 'counts') Object.assign(state, { longestSilenceMs: 0 })
})
process.on('disconnect', () => process.exit())

function take(frame: Uint8Array, say: (message: Message) => void): boolean {
  switch (frame[18]) {
    case MESSAGE_TYPES.open:
      say({ type: 'open', asn: SINK_ASN, holdTime: HOLD_SECONDS, routerId: 0xc000_0201, capabilities: CAPABILITIES })
      say(KEEPALIVE)
      break
    case MESSAGE_TYPES.keepalive: {
      const now = nowMs()
      if (heard > 0) state.longestSilenceMs = Math.max(state.longestSilenceMs, now - heard)
      heard = now
      break
    }
    case MESSAGE_TYPES.update:
      state.updates++
      state.prefixes += prefixesIn(frame)
      state.lastMs = nowMs()
  }
  return true
}

const CAPABILITIES = [unicast('ipv4'), { kind: 'four-octet-as', asn: SINK_ASN } as const]

/** Host routes take five octets each, announced or withdrawn. */
function prefixesIn(frame: Uint8Array): number {
  const withdrawn = (frame[19]! << 8) | frame[20]!
  const attributes = (frame[21 + withdrawn]! << 8) | frame[22 + withdrawn]!
  return (withdrawn + frame.length - 23 - withdrawn - attributes) / 5
}

function dump(count: number): void {
  heard = nowMs()
  state.longestSilenceMs = 0
  const attributes = [
    { kind: 'origin', value: 'igp' },
    { kind: 'as-path', segments: [{ type: 'sequence', asns: [SINK_ASN, 64_510, 64_511] }] },
    { kind: 'next-hop', address: { family: 'ipv4', value: 0x7f00_0002n } },
  ] as const
  const frames = hostRoutes(count, 1).map(({ prefix }) =>
    encodeMessage({ type: 'update', withdrawn: [], attributes, announced: [prefix], issues: [] }, CODEC),
  )
  newest!.write(Buffer.concat(frames))
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
