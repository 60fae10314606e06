import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { applyConfiguration, applyPeers, eventually, Lab, NODES, type NodeName } from '@metallb-ts/lab'

export interface StartedLabInit {
  /** Routers that are peers from the start. @default all that are there */
  readonly peers?: readonly ('frr' | 'bird')[]
  /** More fields of those peers. */
  readonly more?: object
  /** Of the speakers. */
  readonly flags?: readonly string[]
  /** @default false */
  readonly frrRestartsGracefully?: boolean
}

/** A lab with the product running in it; on the real control plane where this machine has one. */
export async function startedLab(routers: readonly ('frr' | 'bird')[], init: StartedLabInit = {}): Promise<Lab> {
  const binaries = findBinaries()
  if (!binaries.ok) console.log(`on the embedded API server: ${binaries.reason}`)
  const { frrRestartsGracefully: restartsGracefully = false } = init
  const lab = await Lab.build({ api: binaries.ok ? 'real' : 'embedded', routers, restartsGracefully })
  await applyConfiguration(lab.cluster, [])
  for (const router of init.peers ?? routers) await applyPeers(lab.cluster, router, init.more)
  lab.startController()
  lab.startSpeakers(init.flags)
  return lab
}

/** MetalLB's order of nodes for an address: by SHA-256 of `node#address`. */
export function metallbOrder(address: string): readonly NodeName[] {
  const rank = (node: string): string => createHash('sha256').update(`${node}#${address}`).digest('hex')
  return [...NODES].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** Waits until one node answers for an address, and the LAN client believes it. */
export async function soleOwner(lab: Lab, address: string, among: readonly NodeName[] = NODES): Promise<NodeName> {
  return eventually(`one owner of ${address} among ${among.join(', ')}`, async () => {
    const [node, ...others] = await lab.clients.askWho(address)
    if (node === undefined || others.length > 0 || !among.includes(node)) return undefined
    return (await lab.clients.owner(address)) === node ? node : undefined
  })
}

/** Waits until nobody answers for an address. */
export async function noOwner(lab: Lab, address: string): Promise<void> {
  await eventually(`nobody answering for ${address}`, async () => (await lab.clients.askWho(address)).length === 0)
}

/** Waits until a router's kernel has exactly these next hops for a prefix. */
export async function nextHops(
  lab: Lab,
  router: 'frr' | 'bird',
  prefix: string,
  expected: readonly string[],
): Promise<void> {
  let seen: readonly string[] = []
  await eventually(`${router} to have ${expected.join(', ') || 'no next hop'} for ${prefix}`, async () => {
    seen = await lab.router(router).nextHops(prefix)
    return seen.join() === [...expected].sort().join()
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it has ${seen.join(', ') || 'none'}`)
  })
}

/** A page of a process in a namespace; status 0 when nobody answers. */
export function http(
  namespace: string,
  port: number,
  path: string,
): { readonly status: number; readonly body: string } {
  const args = ['netns', 'exec', namespace, 'curl', '-s', '--noproxy', '*', '-m', '2', '-w', '\n%{http_code}']
  const { stdout } = spawnSync('ip', [...args, `http://127.0.0.1:${port}${path}`], { encoding: 'utf8' })
  const lines = stdout.split('\n')
  return { status: Number(lines.at(-1)), body: lines.slice(0, -1).join('\n') }
}
