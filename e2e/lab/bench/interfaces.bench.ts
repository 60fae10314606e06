import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pause, PROGRAM_FLAGS } from '../src/index.ts'
import { ipBatch } from '../src/shell.ts'
import { FIRST } from './l2/addresses.ts'
import { Talk } from './l2/talk.ts'

/**
 * How long after an interface of a host has come, in one way or another, the host answers ARP on it: from the call of
 * `ip` to the answer, requests going out every millisecond. JSON on standard output.
 */
const ROUNDS = Number(process.argv[2] ?? 10)
const REST_MS = 200
const [HOST, LAN] = [`ifh${process.pid}`, `ifl${process.pid}`]

/** `before` leaves the host silent. */
interface Change {
  readonly what: string
  readonly before: readonly string[]
  readonly act: readonly string[]
  readonly after?: readonly string[]
}

const CHANGES: readonly Change[] = [
  { what: 'set up', before: ['link set e0 down'], act: ['link set e0 up'] },
  { what: 'created', before: ['link del e0'], act: [] },
  {
    what: 'renamed',
    before: ['link set e0 down'],
    act: ['link set e0 name e9', 'link set e9 up'],
    after: ['link set e9 down', 'link set e9 name e0', 'link set e0 up'],
  },
  {
    what: 'given another hardware address',
    before: ['link set e0 down'],
    act: ['link set e0 address 02:00:00:00:77:01', 'link set e0 up'],
  },
  {
    what: 'moved to a bridge',
    before: ['link add b0 type bridge forward_delay 0', 'link set e0 down'],
    act: ['link set e0 master b0', 'link set e0 up', 'link set b0 up'],
    after: ['link del b0'],
  },
]

process.once('exit', () => {
  for (const name of [HOST, LAN]) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
})
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

ipBatch([`netns add ${HOST}`, `netns add ${LAN}`])
ipBatch(['link add lan0 type bridge forward_delay 0', 'link set lan0 up'], LAN)
ipBatch(['link add c0 type veth peer name c1', 'link set c1 master lan0 up', 'link set c0 up'], LAN)
plug()
const responder = new Talk('the responder', run(HOST, 'responder.ts', [FIRST, '5000']))
await responder.hear('started', line => line === 'started')
const rows: Readonly<Record<string, string | number>>[] = []
for (const change of CHANGES) rows.push(await measure(change))
process.stdout.write(`${JSON.stringify({ benchmark: 'interfaces', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function measure(change: Change): Promise<Readonly<Record<string, string | number>>> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) times.push(await once(change))
  times.sort((a, b) => a - b)
  return {
    'an interface is': change.what,
    rounds: ROUNDS,
    'answers after p50 ms': times[times.length >> 1]!,
    'max ms': times.at(-1)!,
  }
}

async function once({ before, act, after = [] }: Change): Promise<number> {
  ipBatch(before, HOST)
  await pause(REST_MS)
  const client = new Talk('the client', run(LAN, 'first-answers.ts', ['c0', '1']))
  await client.hear('asking', line => line === 'asking')
  const answered = client.hear('an answer', line => line.startsWith('{'))
  const from = performance.timeOrigin + performance.now()
  if (act.length === 0) plug()
  else ipBatch(act, HOST)
  const { lastAt } = JSON.parse(await answered) as { lastAt: number }
  if (lastAt < from) throw new Error('it was answered before')
  ipBatch(after, HOST)
  return Math.round(lastAt - from)
}

function plug(): void {
  ipBatch([`link add h0 netns ${LAN} type veth peer name e0 netns ${HOST}`])
  ipBatch(['link set h0 master lan0 up'], LAN)
  ipBatch(['link set e0 up'], HOST)
}

function run(name: string, script: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`l2/${script}`, import.meta.url))
  const command = ['netns', 'exec', name, process.execPath, ...PROGRAM_FLAGS, path, ...args]
  return spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
}
