import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VIRTUAL } from './addresses.ts'
import { pause, Segment } from './segment.ts'

export const KEEPALIVED = 'keepalived, advertisements every 0.1 s'

export interface Keepalived {
  readonly segment: Segment
  /** First by priority. */
  readonly owner: string
  start(node: string): void
  signal(node: string, signal: NodeJS.Signals): void
}

/** Debian's keepalived on a segment of its own; nothing where it is not installed. */
export async function withKeepalived(size: number, measure: (keepalived: Keepalived) => Promise<void>): Promise<void> {
  if (!existsSync('/usr/sbin/keepalived')) return void process.stderr.write('keepalived is not installed\n')
  const segment = new Segment(size)
  const folder = mkdtempSync(join(tmpdir(), 'keepalived-'))
  const fileOf = (node: string): string => join(folder, `${node}.conf`)
  try {
    for (const [i, node] of segment.nodes.entries()) {
      writeFileSync(fileOf(node), configuration(100 - i))
      segment.startKeepalived(node, fileOf(node))
    }
    await pause(3_000)
    await measure({
      segment,
      owner: segment.nodes[0]!,
      start: node => void segment.startKeepalived(node, fileOf(node)),
      signal: (node, signal) => {
        for (const pid of ['.pid', '.vrrp.pid'])
          process.kill(Number(readFileSync(`${fileOf(node)}${pid}`, 'utf8')), signal)
      },
    })
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
