import { measureActs, type Act } from './l2/acts.ts'
import { FIRST, VIRTUAL } from './l2/addresses.ts'
import { KEEPALIVED, withKeepalived } from './l2/keepalived.ts'
import type { Row } from './l2/row.ts'
import { Segment } from './l2/segment.ts'

/**
 * What a client sees when the owner of an address is cut off and when it is back: its cable, which it notices, and the path
 * behind its switch, which it does not. One datagram and one ARP request a millisecond, to the LAN threads of three and
 * five nodes and to keepalived. JSON on standard output. `l2.bench.ts [rounds] [sizes] [addresses]`
 */
const [rounds = '5', sizes = '3,5', counts = '1,100,1000'] = process.argv.slice(2)
const ROUNDS = Number(rounds)

const rows: Row[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

for (const size of numbers(sizes)) for (const addresses of numbers(counts)) await measureOurs(size, addresses)
await withKeepalived(3, async ({ segment, owner }) => {
  const about = { who: KEEPALIVED, nodes: 3, addresses: 1 }
  rows.push(...(await measureActs(segment, VIRTUAL, about, cuts(segment, owner), ROUNDS)))
})
process.stdout.write(`${JSON.stringify({ benchmark: 'l2', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function measureOurs(nodes: number, addresses: number): Promise<void> {
  const segment = new Segment(nodes)
  try {
    await segment.startThreads(addresses)
    const about = { who: 'metallb-ts, profile fast', nodes, addresses }
    rows.push(...(await measureActs(segment, FIRST, about, cuts(segment, segment.owner), ROUNDS)))
  } finally {
    segment.remove()
  }
}

function cuts(segment: Segment, owner: string): readonly Act[] {
  const look = { short: 700, long: 1_100 }
  return [
    { what: 'nothing', do: () => {}, lookMs: look.short },
    { what: 'its link is cut', do: () => segment.setLink(owner, 'down'), lookMs: look.short },
    { what: 'its link is back', do: () => segment.setLink(owner, 'up'), lookMs: look.long },
    { what: 'its path is cut behind the switch', do: () => segment.setPath(owner, 'cut'), lookMs: look.short },
    { what: 'its path is back', do: () => segment.setPath(owner, 'whole'), lookMs: look.long },
  ]
}

function numbers(text: string): readonly number[] {
  return text.split(',').map(Number)
}
