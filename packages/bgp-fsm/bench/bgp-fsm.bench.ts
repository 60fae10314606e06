/**
 * The speaker alone, against sockets of a process that only counts, as JSON on standard output. Run with
 * `node --conditions=development bench/bgp-fsm.bench.ts`.
 */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { AdjRibOut, ribEntry } from '../src/adj-rib-out.ts'
import type { PackContext } from '../src/pack-context.ts'
import { packUpdate } from '../src/pack-updates.ts'
import { decodeMessage, type Decoded } from '../src/wire/index.ts'
import { connected, established, ourSpeaker, sinkPeer } from './our-speaker.ts'
import { comeFirst } from './priority.ts'
import { hostRoutes } from './routes.ts'
import { Sink } from './sink-process.ts'
import { TurnWatch, type Measured } from './turn-watch.ts'

const MANY = 100_000
const PEERS = 100
const ROUNDS = 1_000
/** Not counted: V8 has yet to compile what they run. */
const WARM_UP_ROUNDS = 50
const SET_UPS = 100
const MB = 1e6

comeFirst()
let decoded = 0
const rows: Record<string, string | number>[] = []
const row = (what: string, figure: number, unit: string, target: string): void =>
  void rows.push({ what, figure: Number(figure.toPrecision(3)), unit, target })

codec('ipv4')
codec('ipv6')
await memory()
const sink = await Sink.start()
await setUps()
await largeSets()
await manyPeers()
sink.stop()
process.stdout.write(`${JSON.stringify({ benchmark: 'bgp-fsm', rows }, undefined, 2)}\n`)

/** From the queue to octets, and from octets to prefixes, in processor time: the median of some rounds. */
function codec(family: 'ipv4' | 'ipv6'): void {
  const context = {
    asn: 64_512,
    negotiated: { families: [family], addPath: [], fourOctetAs: true, internal: false, extendedNextHop: false },
    nextHops: { [family]: [{ family, value: 0xc000_020an }] },
    limit: 4_096,
  } as unknown as PackContext
  const entries = hostRoutes(MANY, 16).map(({ prefix, attributes }) =>
    family === 'ipv4'
      ? ribEntry({ prefix, attributes })
      : ribEntry({ prefix: { address: { family, value: (0x20010db8n << 96n) | prefix.address.value }, length: 128 }, attributes }),
  ) // prettier-ignore
  const encode: number[] = []
  const decode: number[] = []
  for (let round = 0; round < 9; round++) {
    const rib = new AdjRibOut()
    for (const entry of entries) rib.set(entry)
    const updates: Uint8Array[] = []
    encode.push(
      spent(() => {
        for (let next = rib.next(() => undefined); next !== undefined; next = rib.next(() => undefined)) {
          const update = packUpdate(next, context)
          rib.told()
          updates.push(update.bytes)
        }
      }),
    )
    decode.push(
      spent(() => {
        for (const bytes of updates) decoded += prefixesOf(decodeMessage(bytes, { fourOctetAs: true, internal: false }))
      }),
    )
  }
  const perSecond = (times: number[]): number => MANY / median(times) / 1e3
  if (decoded !== 9 * MANY) throw new Error(`${decoded} prefixes were decoded`)
  decoded = 0
  const [least, most] = family === 'ipv4' ? ['≥ 1', '≥ 0.5'] : ['', '']
  row(`${family} host routes told and encoded, 16 sets of attributes`, perSecond(encode), 'million/s', least)
  row(`${family} host routes decoded`, perSecond(decode), 'million/s', most)
}

async function memory(): Promise<void> {
  const child = fork(join(import.meta.dirname, 'memory.ts'), { execArgv: ['--conditions=development', '--expose-gc'] })
  const figures = await new Promise<Record<string, number>>(resolve => child.once('message', resolve as () => void))
  row('10 000 own routes, above idle', figures['own 10000']! / MB, 'MB', '≤ 10')
  row('100 000 own routes, above idle', figures['own 100000']! / MB, 'MB', '≤ 60')
  row('100 000 received routes, above idle', figures['received 100000']! / MB, 'MB', '0')
}

/** From `addPeer` to Established, the router answering at once. */
async function setUps(): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < SET_UPS; round++) {
    const ours = ourSpeaker()
    const up = established(ours, 1)
    const start = performance.now()
    ours.speaker.addPeer(sinkPeer(0, sink.port))
    await up
    times.push(performance.now() - start)
    await ours.speaker.stop()
  }
  row('session set-up over loopback when we dial, p50', percentile(times, 50), 'ms', '≤ 3')
  row('session set-up over loopback when we dial, p99', percentile(times, 99), 'ms', '')
}

/** Large sets, as embedders run them and as our images do. */
async function largeSets(): Promise<void> {
  for (const flags of [[], ['--max-semi-space-size=4']]) {
    const child = fork(join(import.meta.dirname, 'large-sets.ts'), { execArgv: ['--conditions=development', ...flags] })
    const measured = await new Promise<Measured[]>(resolve => child.once('message', resolve as () => void))
    for (const [what, ...others] of measured) row([what, ...flags].join(', '), ...others)
  }
}

async function manyPeers(): Promise<void> {
  let lastHanded = 0
  const ours = await connected(PEERS, sink.port, ({ direction }) => {
    if (direction === 'sent') lastHanded = nowMs()
  })
  const watch = await TurnWatch.start()
  const before = await sink.counts()
  const start = nowMs()
  ours.speaker.setRoutes('bench', hostRoutes(1_000, 16))
  const after = await sink.told(before.prefixes + PEERS * 1_000)
  row('100 peers × 1 000 routes, to the last octet', after.lastMs - start, 'ms', '')
  for (const measured of watch.rows()) row(...measured)

  const handed: number[] = []
  const read: number[] = []
  let { prefixes } = after
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const asked = nowMs()
    const [route] = hostRoutes(1, 1, MANY)
    ours.speaker.setRoutes('one', round % 2 === 0 ? [route!] : [])
    prefixes += PEERS
    const { lastMs } = await sink.told(prefixes)
    if (round < WARM_UP_ROUNDS) continue
    handed.push(lastHanded - asked)
    read.push(lastMs - asked)
  }
  row('one setRoutes, until the last of 100 peers was written to, p50', percentile(handed, 50), 'ms', '')
  row('one setRoutes, until the last of 100 peers was written to, p99', percentile(handed, 99), 'ms', '< 5')
  row('one setRoutes, until the last of 100 peers has read it, p50', percentile(read, 50), 'ms', '')
  row('one setRoutes, until the last of 100 peers has read it, p99', percentile(read, 99), 'ms', '')

  const { updates, prefixes: soFar } = await sink.counts()
  for (const [i, route] of hostRoutes(1_000, 1, 2 * MANY).entries()) ours.speaker.setRoutes(`service-${i}`, [route])
  const last = await sink.told(soFar + PEERS * 1_000)
  row('UPDATEs a peer for 1 000 changes in one turn', (last.updates - updates) / PEERS, 'messages', '2')
  for (const measured of watch.rows()) row(...measured)
  watch.stop()
  await ours.speaker.stop()
}

function prefixesOf(decoded: Decoded): number {
  if (!decoded.ok || decoded.message.type !== 'update') throw new Error('that was no UPDATE')
  const { announced, attributes } = decoded.message
  const reach = attributes.find(one => one.kind === 'mp-reach')
  return announced.length + (reach?.prefixes.length ?? 0)
}

/** Milliseconds of this thread's processor time. */
function spent(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function median(values: readonly number[]): number {
  return percentile(values, 50)
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!
}
