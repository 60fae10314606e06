import { BFD_PROFILES, BGP_PEERS } from '@metallb-ts/api'
import {
  applyConfiguration,
  eventually,
  FRR_ASN,
  Lab,
  LAN,
  nodeHost,
  NODES,
  pause,
  SYSTEM,
  type NodeName,
} from '../src/index.ts'

/**
 * How long a client behind a router waits when the node that its traffic goes through is cut off behind the switch, so that
 * no link of the router's goes down, until BGP has put the traffic on another node, as JSON on standard output: by BFD at
 * several intervals, and by BGP's hold time of 9 s alone. `node --conditions=development bench/bfd-failover.bench.ts [rounds]`.
 */
const ROUNDS = Number(process.argv[2] ?? 8)
const HOLD_ROUNDS = 2

const rows: object[] = []
const lab = await Lab.build({ api: 'embedded', routers: ['frr'] })
process.once('SIGINT', () => process.exit(130))
try {
  await applyConfiguration(lab.cluster, ['frr'])
  lab.startController()
  lab.startSpeakers([])
  await router('address-family ipv4 unicast', 'maximum-paths 1')
  await lab.cluster.service('web', {}, { annotations: { 'metallb.io/address-pool': 'routed' } })
  const [address = ''] = await lab.cluster.addresses('web')
  await measure('hold time of 9 s', address, HOLD_ROUNDS, 14)
  for (const intervalMs of [300, 100, 50]) {
    await watch(intervalMs)
    await measure(`BFD, 3 x ${intervalMs} ms`, address, ROUNDS, 4)
  }
} finally {
  await lab.remove()
}
process.stdout.write(`${JSON.stringify({ benchmark: 'bfd-failover', rows }, undefined, 2)}\n`)
process.exit()

/** Both ends watch the path, with the same timers. */
async function watch(intervalMs: number): Promise<void> {
  const name = `every-${intervalMs}`
  const spec = { receiveInterval: intervalMs, transmitInterval: intervalMs, detectMultiplier: 3 }
  await lab.cluster.apply(BFD_PROFILES, { metadata: { name, namespace: SYSTEM }, spec })
  await lab.router('frr').command(
    ['configure terminal', 'bfd', `profile ${name}`, `receive-interval ${intervalMs}`, `transmit-interval ${intervalMs}`].join('\n'), // prettier-ignore
  )
  await router(...NODES.map(node => `neighbor ${LAN.ipv4(nodeHost(node))} bfd profile ${name}`))
  await lab.cluster.patch(BGP_PEERS, 'frr-ipv4', { spec: { bfdProfile: name } })
  await bfdIsUp()
}

async function measure(what: string, address: string, rounds: number, watchSeconds: number): Promise<void> {
  const gaps: number[] = []
  for (let round = 0; round < rounds; round++) {
    const node = await settled(address, what.startsWith('BFD'))
    const { longestMs } = await lab.clients.gapDuring('behind-frr', address, watchSeconds, () => lab.cutLink(node))
    gaps.push(longestMs)
    lab.restoreLink(node)
  }
  gaps.sort((a, b) => a - b)
  const at = (share: number): number => gaps[Math.min(gaps.length - 1, Math.floor(share * gaps.length))]!
  rows.push({
    'node cut off behind the switch, noticed by': what,
    rounds,
    'traffic on another node, p50 ms': at(0.5),
    'p95 ms': at(0.95),
    'max ms': at(1),
  })
}

/** Every node has told the router, and this is the one that it has chosen. */
async function settled(address: string, isWatched: boolean): Promise<NodeName> {
  await eventually(
    'routes from every node',
    async () => {
      const text = await lab.router('frr').command(`show bgp ipv4 unicast ${address}/32 json`)
      return (JSON.parse(text) as { paths?: readonly unknown[] }).paths?.length === NODES.length
    },
    60_000,
  )
  if (isWatched) await bfdIsUp()
  await pause(1_000)
  const [hop] = await lab.router('frr').nextHops(`${address}/32`)
  const node = NODES.find(one => LAN.ipv4(nodeHost(one)) === hop)
  if (node === undefined) throw new Error(`no node has ${hop}`)
  return node
}

async function bfdIsUp(): Promise<void> {
  await eventually('BFD with every node', async () => {
    const peers = JSON.parse(await lab.router('frr').command('show bfd peers json')) as { status: string }[]
    return peers.filter(({ status }) => status === 'up').length === NODES.length
  })
}

function router(...lines: readonly string[]): Promise<string> {
  return lab.router('frr').command(['configure terminal', `router bgp ${FRR_ASN}`, ...lines].join('\n'))
}
