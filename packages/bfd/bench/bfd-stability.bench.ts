import { spawn, type ChildProcess } from 'node:child_process'
import { loadavg } from 'node:os'
import { eventually, Lab, type BfdProcess, type Frr } from '../test/interop/lab.ts'

/**
 * Whether sessions stay up while the machine has no time, as JSON on standard output: ours beside a main thread that is
 * stalled a second at a time and collects garbage, with CAP_SYS_NICE and without, and FRR's, all in the same minutes. Each
 * has a router for a peer, which in life is another machine: its bfdd goes before the load.
 *
 * BFD_STABILITY_MINUTES: how long. @default 1
 * BFD_STABILITY_BUSY: processes that do nothing but take the processor. @default 2
 */
const MINUTES = Number(process.env['BFD_STABILITY_MINUTES'] ?? 1)
const BUSY = Number(process.env['BFD_STABILITY_BUSY'] ?? 2)
const LOOK_MS = 5_000
const WARM_UP_MS = 10_000
const AS_ANOTHER_MACHINE = ['chrt', '-r', '1']
const UNPRIVILEGED = ['setpriv', '--inh-caps=-sys_nice', '--bounding-set=-sys_nice']
const STALLED = new URL('stalled-process.ts', import.meta.url)

const CASES = [
  { configured: '3 x 50 ms', intervalMs: 50, family: 'IPv4', ours: '192.0.2.10', theirs: '192.0.2.1' },
  { configured: '3 x 100 ms', intervalMs: 100, family: 'IPv6', ours: '2001:db8::10', theirs: '2001:db8::1' },
] as const

interface Subject {
  readonly what: string
  readonly lab: Lab
  readonly router: Frr
  readonly own: BfdProcess | Frr
}

const rows: object[] = []
const labs: Lab[] = []
const busy: ChildProcess[] = []
process.once('SIGINT', () => process.exit(130))
process.once('exit', () => busy.forEach(child => child.kill('SIGKILL')))
try {
  const subjects = [
    await ours('ours, real-time thread'),
    await ours('ours, without CAP_SYS_NICE', UNPRIVILEGED),
    theirs('FRR'),
  ]
  for (const { router } of subjects) await areUp(router)
  for (let i = 0; i < BUSY; i++) busy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  await new Promise(resolve => setTimeout(resolve, WARM_UP_MS))
  const before = await Promise.all(subjects.map(shown))
  const loads = await watch(subjects)
  for (const [i, subject] of subjects.entries()) {
    const after = await shown(subject)
    for (const [j, each] of CASES.entries()) rows.push(row(subject, each, before[i]![j]!, after[j]!, loads))
  }
} finally {
  for (const lab of labs) lab.close()
}
process.stdout.write(`${JSON.stringify({ benchmark: 'bfd-stability', rows }, undefined, 2)}\n`)
process.exit()

async function ours(what: string, via: readonly string[] = []): Promise<Subject> {
  const { lab, router } = beginning()
  const own = lab.bfd(lab.us, STALLED, via)
  for (const { intervalMs, theirs: remote } of CASES)
    await own.open(
      { kind: 'single-hop', remote },
      { receiveIntervalMs: intervalMs, transmitIntervalMs: intervalMs, detectMultiplier: 3 },
    )
  return { what, lab, router, own }
}

function theirs(what: string): Subject {
  const { lab, router } = beginning()
  return { what, lab, router, own: lab.frr(configuration('theirs'), lab.us) }
}

function beginning(): Pick<Subject, 'lab' | 'router'> {
  const lab = new Lab()
  labs.push(lab)
  return { lab, router: lab.frr(configuration('ours'), lab.router, AS_ANOTHER_MACHINE) }
}

interface Shown {
  readonly heard: number
  readonly downs: number
  readonly latestMs: number | undefined
}

/** By case; downs are counted by the router, which sees those of either end. */
async function shown({ router, own }: Subject): Promise<readonly Shown[]> {
  const sessions = 'show' in own ? await own.show() : []
  return CASES.map(({ ours, theirs }) => {
    const counters = router.counters(ours)
    return {
      heard: Number(counters?.['control-packet-input']),
      downs: Number(counters?.['session-down']),
      latestMs: sessions.find(({ key }) => key === theirs)?.counters['longestOverrunMs'],
    }
  })
}

/** Tells on standard error when something goes down; answers with the load averages of the whole time. */
async function watch(subjects: readonly Subject[]): Promise<readonly number[]> {
  const loads: number[] = []
  const from = subjects.map(({ own }) => ('lines' in own ? own.lines.length : 0))
  for (const end = Date.now() + MINUTES * 60_000; Date.now() < end;) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    loads.push(loadavg()[0]!)
    for (const [i, { what, own }] of subjects.entries()) {
      if (!('lines' in own)) continue
      for (const line of own.lines.slice(from[i]))
        if (line.name === 'bfd:down' || line.name === 'bfd:stalled')
          console.error(new Date().toISOString(), what, JSON.stringify(line))
      from[i] = own.lines.length
    }
  }
  return loads
}

function row(
  { what, own }: Subject,
  { family, configured }: (typeof CASES)[number],
  before: Shown,
  after: Shown,
  loads: readonly number[],
): object {
  const stalled = 'lines' in own ? own.lines.findLast(({ name }) => name === 'stalled') : undefined
  return {
    'on a loaded machine': what,
    family,
    configured,
    minutes: MINUTES,
    'packets the router heard': after.heard - before.heard,
    'false downs': after.downs - before.downs,
    'latest packet, ms late': after.latestMs === undefined ? 'not told' : Math.round(after.latestMs),
    'busy processes besides': BUSY,
    'main thread stalled, s': Number(stalled?.['stalls'] ?? 0),
    'collecting garbage, s': Math.round(Number(stalled?.['collectingMs'] ?? 0) / 1_000),
    'load on 2 processors, mean and most': `${(loads.reduce((all, one) => all + one, 0) / loads.length).toFixed(1)}, ${Math.max(...loads).toFixed(1)}`,
  }
}

function configuration(peers: 'ours' | 'theirs'): string {
  const lines = CASES.flatMap(each => {
    const intervals = [`  receive-interval ${each.intervalMs}`, `  transmit-interval ${each.intervalMs}`]
    return [` peer ${each[peers]}`, ...intervals, '  no shutdown', ' !']
  })
  return `bfd\n${lines.join('\n')}\n!\n`
}

async function areUp(router: Frr): Promise<void> {
  for (const { ours } of CASES)
    await eventually(
      () => router.peer(ours)?.status === 'up',
      () => `${ours} up at its router`,
    )
}
