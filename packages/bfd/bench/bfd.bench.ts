import { readFileSync } from 'node:fs'
import { eventually, Lab, type BfdProcess, type Frr } from '../test/interop/lab.ts'

/**
 * How soon a path that is cut is noticed, against the time that is configured, and what a hundred sessions cost, as JSON on
 * standard output: ours and FRR's, each with FRR for its router.
 *
 * BFD_ROUNDS: cuts of each kind. @default 20
 */
const ROUNDS = Number(process.env['BFD_ROUNDS'] ?? 20)
const SESSIONS = 100
const COST_MS = 20_000
const INTERVALS = [50, 100, 300] as const
const OURS = '192.0.2.10'
const ROUTER = '192.0.2.1'

const rows: object[] = []
const labs: Lab[] = []
process.once('SIGINT', () => process.exit(130))
try {
  const kinds = INTERVALS.flatMap(intervalMs => (['ours', 'FRR'] as const).map(who => [who, intervalMs] as const))
  rows.push(...(await Promise.all(kinds.map(([who, intervalMs]) => detection(who, intervalMs)))))
  await cost('ours')
  await cost('FRR')
} finally {
  for (const lab of labs) lab.close()
}
process.stdout.write(`${JSON.stringify({ benchmark: 'bfd', rows }, undefined, 2)}\n`)
process.exit()

function newLab(): Lab {
  const lab = new Lab()
  labs.push(lab)
  return lab
}

async function detection(who: 'ours' | 'FRR', intervalMs: number): Promise<object> {
  const lab = newLab()
  const router = lab.frr(configuration([OURS], intervalMs))
  const downs = who === 'ours' ? ourDowns(lab, intervalMs) : frrDowns(lab, intervalMs)
  const wire = cutter(lab)
  const took: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await up(router, [OURS])
    await pause(1_000 + Math.random() * intervalMs) // anywhere between two packets
    const before = (await downs()).length
    const cutAt = wire.cut()
    took.push((await eventually(async () => (await downs())[before], () => 'the failure to be noticed')) - cutAt) // prettier-ignore
    wire.heal()
  }
  lab.close()
  return {
    'the router falls silent, and is noticed by': who,
    configured: `3 x ${intervalMs} ms = ${3 * intervalMs} ms`,
    rounds: ROUNDS,
    'p50 ms': percentile(took, 0.5),
    'p95 ms': percentile(took, 0.95),
    'of the configured time, p50': (percentile(took, 0.5) / (3 * intervalMs)).toFixed(2),
    'of the configured time, p95': (percentile(took, 0.95) / (3 * intervalMs)).toFixed(2),
  }
}

/** When our session went down, in milliseconds since 1970. */
function ourDowns(lab: Lab, intervalMs: number): () => Promise<readonly number[]> {
  const bfd = lab.bfd()
  void bfd.open({ kind: 'single-hop', remote: ROUTER }, profile(intervalMs))
  return async () => bfd.lines.filter(({ name }) => name === 'bfd:down').map(({ at }) => Number(at))
}

/** The same of FRR's, from its log. */
function frrDowns(lab: Lab, intervalMs: number): () => Promise<readonly number[]> {
  const log = `${lab.folder}/${lab.us}/bfdd.log`
  const lines = [`log file ${log} debugging`, 'log timestamp precision 6', 'debug bfd peer']
  lab.frr(`${lines.join('\n')}\n${configuration([ROUTER], intervalMs)}`, lab.us)
  return async () =>
    [...readFileSync(log, 'utf8').matchAll(/^(\S+ \S+) .*state-change: .*up -> down/gm)].map(([, text]) =>
      new Date(text!.replaceAll('/', '-')).getTime(),
    )
}

/** Drops what the router sends, without a process that has to start first. */
function cutter(lab: Lab): { cut(): number; heal(): void } {
  const nft = lab.spawn(lab.router, 'nft', ['-i'])
  const tell = (line: string): void => void nft.stdin!.write(`${line}\n`)
  tell('add table inet cut')
  tell('add chain inet cut out { type filter hook output priority 0; }')
  return {
    cut: () => {
      const at = performance.timeOrigin + performance.now()
      tell('add rule inet cut out udp dport 3784 drop')
      return at
    },
    heal: () => tell('flush chain inet cut out'),
  }
}

/** Multihop: of single-hop sessions FRR has one a peer, whatever its own address. */
async function cost(who: 'ours' | 'FRR'): Promise<void> {
  const lab = newLab()
  const remotes = Array.from({ length: SESSIONS }, (_, i) => `192.0.2.${101 + i}`)
  lab.sh(lab.router, remotes.map(remote => `ip address add ${remote}/24 dev eth0`).join('; '))
  const router = lab.frr(multihop(remotes.map(remote => [OURS, remote])))
  const pid = who === 'ours' ? await ourMany(lab, remotes) : await frrMany(lab, remotes)
  await eventually(
    () => router.ask('show bfd peers brief').split('\n').filter(line => / up\s/.test(line)).length === SESSIONS,
    () => 'every session to come up',
    60_000,
  ) // prettier-ignore
  await pause(3_000)
  const before = cpuMs(pid)
  await pause(COST_MS)
  rows.push({
    [`${SESSIONS} multihop sessions at 3 x 300 ms`]: who,
    seconds: COST_MS / 1_000,
    'CPU, % of one processor': (((cpuMs(pid) - before) / COST_MS) * 100).toFixed(1),
    'RSS MB': Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024),
  })
  lab.close()
}

async function ourMany(lab: Lab, remotes: readonly string[]): Promise<number> {
  const bfd: BfdProcess = lab.bfd()
  for (const remote of remotes) bfd.tell({ do: 'open', path: { kind: 'multihop', remote, local: OURS } })
  return bfd.child.pid!
}

async function frrMany(lab: Lab, remotes: readonly string[]): Promise<number> {
  const frr = lab.frr(multihop(remotes.map(remote => [remote, OURS])), lab.us)
  return eventually(() => frr.pid, () => 'bfdd') // prettier-ignore
}

function multihop(paths: readonly (readonly [peer: string, local: string])[]): string {
  const peers = paths.map(([peer, local]) => ` peer ${peer} multihop local-address ${local}\n  no shutdown\n !`)
  return `bfd\n${peers.join('\n')}\n!\n`
}

function configuration(peers: readonly string[], intervalMs: number): string {
  const intervals = `  receive-interval ${intervalMs}\n  transmit-interval ${intervalMs}`
  return `bfd\n${peers.map(peer => ` peer ${peer}\n${intervals}\n  no shutdown\n !`).join('\n')}\n!\n`
}

function profile(intervalMs: number): object {
  return { receiveIntervalMs: intervalMs, transmitIntervalMs: intervalMs, detectMultiplier: 3 }
}

async function up(router: Frr, peers: readonly string[]): Promise<void> {
  for (const peer of peers) await eventually(() => router.peer(peer)?.status === 'up', () => `${peer} up`) // prettier-ignore
}

/** User and system, of all its threads. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
