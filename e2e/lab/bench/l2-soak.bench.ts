import { FIRST } from './l2/addresses.ts'
import { pause, Segment } from './l2/segment.ts'

/**
 * Failovers that nothing was the cause of: the LAN threads of three nodes on a switch that loses one frame in a hundred,
 * while each main thread in turn stalls for a second, as JSON on standard output. `SOAK_MINUTES=30` is the default, for which
 * `make bench` needs a `LIMIT_MINUTES` above it.
 */
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 30)
const [NODES, ADDRESSES, LOSS_PERCENT, STALL_MS, EVERY_MS] = [3, 10, 1, 1_000, 3_000]

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

const segment = new Segment(NODES)
try {
  await segment.startThreads(ADDRESSES)
  await segment.settle(FIRST, ADDRESSES)
  const found = await soak()
  const row = {
    minutes: MINUTES,
    nodes: NODES,
    'frames lost %': LOSS_PERCENT,
    'main threads stalled': stalls(),
    ...found,
  }
  process.stdout.write(`${JSON.stringify({ benchmark: 'l2-soak', page: 'l2', rows: [row] }, undefined, 2)}\n`)
} finally {
  segment.remove()
}
process.exit()

async function soak(): Promise<Readonly<Record<string, number>>> {
  let deaths = 0
  let moves = 0
  for (const node of segment.nodes) {
    segment.thread(node).onLine = line => {
      const { event } = JSON.parse(line) as { event?: string }
      if (event === 'member:left') deaths++
      if (event === 'l2:gained' || event === 'l2:lost') moves++
    }
  }
  segment.lose(LOSS_PERCENT)
  const endsAt = performance.now() + MINUTES * 60_000
  for (let turn = 0; performance.now() < endsAt; turn++) {
    segment.thread(segment.nodes[turn % NODES]!).say(`stall ${STALL_MS}`)
    await pause(EVERY_MS)
  }
  return { 'members taken for dead': deaths, 'addresses moved': moves }
}

function stalls(): string {
  return `${STALL_MS} ms, one every ${EVERY_MS} ms`
}
