import { measureActs, type Act } from './l2/acts.ts'
import { FIRST, VIRTUAL } from './l2/addresses.ts'
import { KEEPALIVED, withKeepalived } from './l2/keepalived.ts'
import { rowOf, type Row } from './l2/row.ts'
import { Segment } from './l2/segment.ts'

/**
 * What a client sees when the owner of an address is killed, hangs, is told to stop, comes back, or hands over, and when all
 * start together: the LAN threads of three and five nodes, and keepalived's. JSON on standard output.
 * `l2-moves.bench.ts [rounds] [sizes] [addresses]`
 */
const [rounds = '2', sizes = '3,5', counts = '1,100,1000'] = process.argv.slice(2)
const ROUNDS = Number(rounds)

const rows: Row[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

for (const size of numbers(sizes)) for (const addresses of numbers(counts)) await measureOurs(size, addresses)
await withKeepalived(3, async ({ segment, owner, start, signal }) => {
  const about = { who: KEEPALIVED, nodes: 3, addresses: 1 }
  const acts: readonly Act[] = [
    { what: 'told to stop (SIGTERM)', do: () => signal(owner, 'SIGTERM'), lookMs: 1_000 },
    { what: 'back after a stop', do: () => start(owner), lookMs: 2_000 },
    { what: 'killed', do: () => signal(owner, 'SIGKILL'), lookMs: 1_000 },
  ]
  rows.push(...(await measureActs(segment, VIRTUAL, about, acts, 1)))
})
process.stdout.write(`${JSON.stringify({ benchmark: 'l2-moves', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function measureOurs(nodes: number, addresses: number): Promise<void> {
  const segment = new Segment(nodes)
  const about = { who: 'metallb-ts, profile fast', nodes, addresses }
  try {
    const started = await segment.during(FIRST, addresses, () => segment.startThreads(addresses), 1_500)
    rows.push(rowOf({ what: 'all start together; silent until then', ...about }, [started]))
    rows.push(...(await measureActs(segment, FIRST, about, moves(segment, addresses), ROUNDS)))
  } finally {
    segment.remove()
  }
}

function moves(segment: Segment, addresses: number): readonly Act[] {
  const { owner } = segment
  const other = segment.nodes.find(node => node !== owner)!
  const back = (): Promise<void> => segment.startThread(owner, addresses)
  const prefer = (preferred: string) => (): void => {
    for (const node of segment.nodes) segment.contest(node, addresses, preferred)
  }
  return [
    { what: 'another node is preferred', do: prefer(other), lookMs: 600 },
    { what: 'preferred no longer', do: prefer(''), lookMs: 600 },
    { what: 'told to stop (SIGTERM)', do: () => segment.terminate(owner), lookMs: 800 },
    { what: 'back after a stop', do: back, lookMs: 1_000 },
    { what: 'killed', do: () => segment.signal(owner, 'SIGKILL'), lookMs: 800 },
    { what: 'back after a kill', do: back, lookMs: 1_000 },
    { what: 'hangs (SIGSTOP)', do: () => segment.signal(owner, 'SIGSTOP'), lookMs: 800 },
    { what: 'goes on', do: () => segment.signal(owner, 'SIGCONT'), lookMs: 1_000 },
  ]
}

function numbers(text: string): readonly number[] {
  return text.split(',').map(Number)
}
