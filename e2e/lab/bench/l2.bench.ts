import { rowOf, type Row } from './l2/row.ts'
import { FIRST, pause, Segment, type Seen } from './l2/segment.ts'

/**
 * What a client sees of the LAN threads of three and five nodes when the link of the owner is cut, and when it is back;
 * one datagram and one ARP request a millisecond. JSON on standard output.
 */
const ROUNDS = Number(process.argv[2] ?? 3)

const rows: Row[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

for (const size of [3, 5]) {
  for (const addresses of [1, 100, 1_000]) await measureCuts(size, addresses)
}
process.stdout.write(`${JSON.stringify({ benchmark: 'l2', rows }, undefined, 2)}\n`)

async function measureCuts(size: number, addresses: number): Promise<void> {
  const segment = new Segment(size)
  try {
    await segment.startThreads(addresses)
    const { owner } = segment
    const who = { who: 'metallb-ts, fast', nodes: size, addresses }
    const cuts: Seen[] = []
    const returns: Seen[] = []
    for (let round = 0; round < ROUNDS; round++) {
      cuts.push(await segment.during(1.8, FIRST, addresses, () => segment.setLink(owner, 'down')))
      await pause(200)
      returns.push(await segment.during(1.8, FIRST, addresses, () => segment.setLink(owner, 'up')))
      await pause(600)
    }
    rows.push(rowOf({ what: 'link of the owner cut', ...who }, cuts))
    rows.push(rowOf({ what: 'its link back', ...who }, returns))
  } finally {
    segment.remove()
  }
}
