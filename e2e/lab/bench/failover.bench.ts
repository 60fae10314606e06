import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IP_ADDRESS_POOLS } from '@metallb-ts/api'
import { applyConfiguration, eventually, Lab, NODES, pause, SYSTEM, type NodeName } from '../src/index.ts'

/**
 * How long a LAN client waits when the link of the node that answers for an address is cut, as JSON on standard output:
 * this product by profile, and keepalived on the same nodes of the same laboratory. `node --conditions=development
 * bench/failover.bench.ts [rounds]`.
 */
const ROUNDS = Number(process.argv[2] ?? 6)
const KEEPALIVED = '/usr/sbin/keepalived'
const VIRTUAL = '10.77.0.240'

const rows: Readonly<Record<string, string | number>>[] = []
const lab = await Lab.build({ api: 'embedded', routers: [] })
process.once('SIGINT', () => process.exit(130))
try {
  await applyConfiguration(lab.cluster, [])
  lab.startController()
  for (const profile of ['fast', 'balanced', 'safe'] as const) await measureOurs(profile)
  if (existsSync(KEEPALIVED)) for (const seconds of [0.1, 1]) await measureKeepalived(seconds)
} finally {
  await lab.remove()
}
process.stdout.write(`${JSON.stringify({ benchmark: 'failover', rows }, undefined, 2)}\n`)

async function measureOurs(profile: string): Promise<void> {
  lab.startSpeakers([`--member-profile=${profile}`])
  await lab.cluster.service(`web-${profile}`)
  const [address = ''] = await lab.cluster.addresses(`web-${profile}`)
  await measure(`metallb-ts, profile ${profile}`, address, 4)
  for (const node of NODES) await lab.processes.stop(`speaker-${node}`)
}

/** The address is in a pool that nobody announces, so that the nodes forward it and keepalived alone answers for it. */
async function measureKeepalived(seconds: number): Promise<void> {
  const pool = `vrrp-${seconds * 10}`
  await lab.cluster.apply(IP_ADDRESS_POOLS, {
    metadata: { name: pool, namespace: SYSTEM },
    spec: { addresses: [`${VIRTUAL}/32`], autoAssign: false },
  })
  await lab.cluster.service(pool, {}, { annotations: { 'metallb.io/address-pool': pool } })
  await lab.cluster.addresses(pool)
  for (const [i, node] of NODES.entries()) {
    const file = join(lab.folder, `keepalived-${node}.conf`)
    writeFileSync(file, configuration(100 - i, seconds))
    const pids = ['-p', `${file}.pid`, '-r', `${file}.vrrp.pid`]
    lab.processes.start(lab.spaces.node(node), `keepalived-${node}`, KEEPALIVED, [
      '-n',
      '-l',
      '-P',
      '-f',
      file,
      ...pids,
    ])
  }
  await measure(`keepalived, advertisements every ${seconds} s`, VIRTUAL, 6)
  for (const node of NODES) await lab.processes.stop(`keepalived-${node}`)
  await lab.cluster.removeService(pool)
  await lab.cluster.remove(IP_ADDRESS_POOLS, pool)
}

function configuration(priority: number, seconds: number): string {
  return `vrrp_instance lab {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int ${seconds}
  version 3
  virtual_ipaddress { ${VIRTUAL}/32 }
}
`
}

async function measure(what: string, address: string, watchSeconds: number): Promise<void> {
  const gaps: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const owner = await settled(address)
    const { longestMs } = await lab.clients.gapDuring('lan', address, watchSeconds, () => lab.cutLink(owner))
    gaps.push(longestMs)
    lab.restoreLink(owner)
  }
  gaps.sort((a, b) => a - b)
  const at = (share: number): number => gaps[Math.min(gaps.length - 1, Math.floor(share * gaps.length))]!
  rows.push({ 'link of the owner cut': what, rounds: ROUNDS, 'p50 ms': at(0.5), 'p95 ms': at(0.95), 'max ms': at(1) })
}

async function settled(address: string): Promise<NodeName> {
  await pause(2_500)
  return eventually('one owner', async () => {
    const [owner, ...others] = await lab.clients.askWho(address)
    if (owner === undefined || others.length > 0) return undefined
    return (await lab.clients.owner(address)) === owner ? owner : undefined
  })
}
