import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowOf, type Measured, type Row } from './l2/row.ts'
import { FIRST, pause, Segment, VIRTUAL, type Seen } from './l2/segment.ts'

/**
 * What a client sees of the LAN threads of three nodes when the owner is killed, told to stop, comes back, or hands over;
 * and of keepalived's on the same segment in the same run. JSON on standard output.
 */
const ROUNDS = Number(process.argv[2] ?? 2)
const KEEPALIVED = '/usr/sbin/keepalived'

const rows: Row[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

await measureMoves(3, 100)
if (existsSync(KEEPALIVED)) await measureKeepalived(3)
process.stdout.write(`${JSON.stringify({ benchmark: 'l2-moves', rows }, undefined, 2)}\n`)

async function measureMoves(size: number, addresses: number): Promise<void> {
  const segment = new Segment(size)
  try {
    await segment.startThreads(addresses)
    const { owner } = segment
    const other = segment.nodes.find(node => node !== owner)!
    const prefer = (node: string) => (): void => {
      for (const each of segment.nodes) segment.contest(each, addresses, node)
    }
    const back = async (): Promise<void> => {
      await segment.startThread(owner, addresses)
    }
    const acts: readonly (readonly [string, () => void | Promise<void>])[] = [
      ['another node preferred', prefer(other)],
      ['preferred no longer', prefer('')],
      ['killed', () => segment.signal(owner, 'SIGKILL')],
      ['back after a kill', back],
      ['told to stop', () => segment.terminate(owner)],
      ['back after a stop', back],
    ]
    const seen = new Map<string, Seen[]>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const [what, act] of acts) {
        const found = await segment.during(4, FIRST, addresses, act)
        seen.set(what, [...(seen.get(what) ?? []), found])
      }
    }
    await segment.stopThreads()
    const started = await segment.during(6, FIRST, addresses, () => segment.startThreads(addresses))
    seen.set('all started together (the gap is the start itself)', [started])
    for (const [what, each] of seen) tell({ what, who: 'metallb-ts, fast', nodes: size, addresses }, each)
  } finally {
    segment.remove()
  }
}

async function measureKeepalived(size: number): Promise<void> {
  const segment = new Segment(size)
  const folder = mkdtempSync(join(tmpdir(), 'keepalived-'))
  try {
    const files = segment.nodes.map((node, i) => {
      const file = join(folder, `${node}.conf`)
      writeFileSync(file, configuration(100 - i))
      return file
    })
    const children = segment.nodes.map((node, i) => segment.startKeepalived(node, files[i]!))
    await pause(3_000)
    const owner = segment.nodes[0]!
    const who = { who: 'keepalived, advertisements every 0.1 s', nodes: size, addresses: 1 }
    const cuts: Seen[] = []
    const returns: Seen[] = []
    for (let round = 0; round < ROUNDS; round++) {
      cuts.push(await segment.during(1.8, VIRTUAL, 1, () => segment.setLink(owner, 'down')))
      returns.push(await segment.during(1.8, VIRTUAL, 1, () => segment.setLink(owner, 'up')))
      await pause(1_000)
    }
    tell({ what: 'link of the owner cut', ...who }, cuts)
    tell({ what: 'its link back', ...who }, returns)
    tell({ what: 'told to stop', ...who }, [
      await segment.during(3, VIRTUAL, 1, () => void children[0]!.kill('SIGTERM')),
    ])
  } finally {
    segment.remove()
    rmSync(folder, { recursive: true })
  }
}

function configuration(priority: number): string {
  return `vrrp_instance bench {
  state BACKUP
  interface e0
  virtual_router_id 52
  priority ${priority}
  advert_int 0.1
  version 3
  virtual_ipaddress { ${VIRTUAL}/32 }
}
`
}

function tell(measured: Measured, seen: readonly Seen[]): void {
  rows.push(rowOf(measured, seen))
}
