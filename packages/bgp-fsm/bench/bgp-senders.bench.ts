/**
 * Announcing and withdrawing host routes, beside GoBGP, BIRD, FRR and ExaBGP as Debian has them, to the same routers in
 * one run, as JSON on standard output. From Established, or the command, until the router's own table counts the last;
 * and the processor time that the sender took for it. All run before what else the machine does. Needs root. `node --conditions=development bench/bgp-senders.bench.ts [rounds] [sender,…] [count,…]`
 */
import { existsSync } from 'node:fs'
import { Lab } from '../test/interop/lab.ts'
import { comeFirst } from './priority.ts'
import { RECEIVERS, type Receiver } from './receivers.ts'
import { SENDERS, type Load, type SenderKind } from './senders.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const ONLY = process.argv[3]?.split(',')
const COUNTS = process.argv[4]?.split(',').map(Number) ?? [100, 1_000, 10_000, 100_000]
const SETS = 16
/** They wait for timers of their own, or take a minute for what others do in a second: once is enough. */
const SLOW = new Set(['BIRD', 'FRR', 'ExaBGP'])
const LIMIT_MS = 150_000
const OURS = 'bgp-fsm'

interface Figures {
  readonly announceMs: number
  readonly announceCpuMs: number
  readonly withdrawMs: number
}

comeFirst()
const rows: Record<string, string | number>[] = []
for (const to of ['BIRD', 'FRR'] as const) for (const count of COUNTS) await compare(to, { count, sets: SETS })
process.stdout.write(`${JSON.stringify({ benchmark: 'bgp-senders', rows }, undefined, 2)}\n`)

async function compare(to: Receiver['name'], load: Load): Promise<void> {
  const kinds = SENDERS.filter(({ name, program }) => (ONLY?.includes(name) ?? true) && existsSync(program))
  const all = new Map<string, Figures[]>(kinds.map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++)
    for (const kind of kinds) {
      if (SLOW.has(kind.name) && round > 0) continue
      try {
        all.get(kind.name)!.push(await measure(kind, to, load))
      } catch (error) {
        if (kind.name === OURS) throw error
        process.stderr.write(`${kind.name} to ${to}, ${load.count} routes: ${String(error)}\n`) // it has no row then
      }
    }
  const theirs = all.get('GoBGP') ?? []
  for (const [sender, figures] of all) {
    if (figures.length === 0) continue
    const announceMs = median(figures.map(one => one.announceMs))
    const withdrawMs = median(figures.map(one => one.withdrawMs))
    rows.push({
      to,
      routes: load.count,
      sender,
      announceMs: Math.round(announceMs),
      senderCpuMs: Math.round(median(figures.map(one => one.announceCpuMs))),
      ofGoBGP: ratio(announceMs, median(theirs.map(one => one.announceMs))),
      withdrawAllMs: Math.round(withdrawMs),
      withdrawOfGoBGP: ratio(withdrawMs, median(theirs.map(one => one.withdrawMs))),
    })
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`)
  }
}

async function measure(kind: SenderKind, to: Receiver['name'], load: Load): Promise<Figures> {
  const lab = new Lab()
  const onSignal = (): void => process.exit(130)
  process.once('SIGINT', onSignal)
  let receiver: Receiver | undefined
  try {
    const sender = await kind.start(lab, load)
    receiver = await RECEIVERS[to](lab)
    const established = await until(receiver, ({ isEstablished }) => isEstablished)
    const before = sender.cpuMs()
    const told = await until(receiver, ({ routes }) => routes === load.count)
    const announceCpuMs = sender.cpuMs() - before
    const asked = performance.now()
    sender.withdraw()
    const forgot = await until(receiver, ({ routes }) => routes === 0)
    return { announceMs: told - established, announceCpuMs, withdrawMs: forgot - asked }
  } finally {
    receiver?.close()
    lab.close()
    process.off('SIGINT', onSignal)
  }
}

async function until(
  receiver: Receiver,
  holds: (answer: Awaited<ReturnType<Receiver['ask']>>) => boolean,
): Promise<number> {
  const deadline = performance.now() + LIMIT_MS
  for (;;) {
    const answer = await receiver.ask()
    if (holds(answer)) return performance.now()
    if (performance.now() > deadline)
      throw new Error(`${receiver.name}: ${JSON.stringify(answer)} after ${LIMIT_MS} ms`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function ratio(ours: number, theirs: number): string {
  return Number.isNaN(theirs) ? '' : (ours / theirs).toFixed(2)
}
