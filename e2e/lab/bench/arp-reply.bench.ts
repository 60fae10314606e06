import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PROGRAM_FLAGS } from '../src/index.ts'
import { ipBatch } from '../src/shell.ts'
import { Talk } from './l2/talk.ts'

/**
 * How long an ARP request waits for its answer, over one wire between two namespaces, seen by a client in user space: from
 * the kernel for an address of its own, and from a program with `createAnnouncer`. JSON on standard output.
 */
const SECONDS = Number(process.argv[2] ?? 5)
const TARGET = '10.88.1.0'
const RATES = [500, 10_000] as const
const LIMITS = [
  ['metallb-ts, no limit', 1_000_000],
  ['metallb-ts, as it comes: 5 000 answers a second', 5_000],
] as const
const [HOST, CLIENT] = [`arph${process.pid}`, `arpc${process.pid}`]

interface Result {
  readonly sent: number
  readonly answered: number
  readonly p50: number
  readonly p99: number
}

const rows: Readonly<Record<string, string | number>>[] = []
process.once('exit', () => {
  for (const name of [HOST, CLIENT]) spawnSync('ip', ['netns', 'delete', name])
})
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

ipBatch([`netns add ${HOST}`, `netns add ${CLIENT}`])
ipBatch([`link add e0 netns ${HOST} type veth peer name e0 netns ${CLIENT}`])
for (const name of [HOST, CLIENT]) ipBatch(['link set lo up', 'link set e0 up'], name)

ipBatch([`address add ${TARGET}/16 dev e0`], HOST)
for (const rate of RATES) rows.push(row('the kernel, for an address of its own', rate, await ask(rate)))
ipBatch([`address del ${TARGET}/16 dev e0`], HOST)

for (const [what, total] of LIMITS) {
  const responder = new Talk('the responder', run(HOST, 'responder.ts', [TARGET, String(total)]))
  await responder.hear('started', line => line === 'started')
  for (const rate of RATES) {
    const before = await cpuSeconds(responder)
    const result = await ask(rate)
    const used = (await cpuSeconds(responder)) - before
    rows.push({ ...row(what, rate, result), 'CPU of one processor %': round((100 * used) / SECONDS) })
  }
  responder.child.kill('SIGKILL')
}
process.stdout.write(`${JSON.stringify({ benchmark: 'arp-reply', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function ask(rate: number): Promise<Result> {
  const client = new Talk('the client', run(CLIENT, 'arp-client.ts', [TARGET, String(rate), String(SECONDS)]))
  return JSON.parse(await client.hear('what it saw', line => line.startsWith('{'))) as Result
}

async function cpuSeconds(responder: Talk): Promise<number> {
  const answer = responder.hear('its processor time', line => line.startsWith('{'))
  responder.say('cpu')
  return (JSON.parse(await answer) as { cpuSeconds: number }).cpuSeconds
}

function row(what: string, rate: number, { sent, answered, p50, p99 }: Result): Record<string, string | number> {
  return {
    'who answers': what,
    'requests a second': rate,
    'answered %': round((100 * answered) / sent),
    'p50 µs': p50,
    'p99 µs': p99,
  }
}

function run(name: string, script: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`l2/${script}`, import.meta.url))
  const command = ['netns', 'exec', name, process.execPath, ...PROGRAM_FLAGS, path, ...args]
  return spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
