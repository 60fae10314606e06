import { FAR, HOSTS, LAN, NODES, nodeHost, podAddress, podGateway, type NodeName } from './addresses.ts'
import { ipBatch, run, runQuietly } from './shell.ts'

/** Names of the namespaces of one lab; each begins with the lab's own prefix. */
export interface Namespaces {
  readonly switch: string
  readonly control: string
  readonly client: string
  readonly frr: string
  readonly bird: string
  readonly farFrr: string
  readonly farBird: string
  node(name: NodeName): string
  pod(name: NodeName): string
  readonly all: readonly string[]
}

export function namespacesOf(prefix: string): Namespaces {
  const name = (role: string): string => `${prefix}-${role}`
  const roles = ['sw', 'ctl', 'cli', 'frr', 'bird', 'ffrr', 'fbird', ...NODES, ...NODES.map(node => `p${node}`)]
  return {
    switch: name('sw'),
    control: name('ctl'),
    client: name('cli'),
    frr: name('frr'),
    bird: name('bird'),
    farFrr: name('ffrr'),
    farBird: name('fbird'),
    node: node => name(node),
    pod: node => name(`p${node}`),
    all: roles.map(name),
  }
}

/** A LAN with a snooping switch, three nodes with a pod each, a client, two routers with a client behind each, and a control host. */
export async function buildTopology(spaces: Namespaces): Promise<void> {
  ipBatch(spaces.all.map(name => `netns add ${name}`))
  ipBatch(
    ['link set lo up', 'link add br0 type bridge mcast_snooping 1 mcast_querier 1 forward_delay 0', 'link set br0 up'],
    spaces.switch,
  )
  for (const name of spaces.all) {
    if (name !== spaces.switch) ipBatch(['link set lo up'], name)
    await tune(name)
  }
  for (const node of NODES) {
    attach(spaces, spaces.node(node), node, nodeHost(node))
    attachPod(spaces, node)
  }
  attach(spaces, spaces.control, 'ctl', HOSTS.control)
  attach(spaces, spaces.client, 'cli', HOSTS.client)
  attach(spaces, spaces.frr, 'frr', HOSTS.frr)
  attach(spaces, spaces.bird, 'bird', HOSTS.bird)
  attachFar(spaces.frr, spaces.farFrr, FAR.frr)
  attachFar(spaces.bird, spaces.farBird, FAR.bird)
  for (const node of NODES) {
    ipBatch(
      [
        ...NODES.filter(other => other !== node).flatMap(other => [
          `route add 10.244.${nodeHost(other)}.0/24 via ${LAN.ipv4(nodeHost(other))}`,
          `route add fd44:${nodeHost(other)}::/64 via ${LAN.ipv6(nodeHost(other))}`,
        ]),
        `route add ${FAR.frr.ipv4} via ${LAN.ipv4(HOSTS.frr)}`,
        `route add ${FAR.frr.ipv6} via ${LAN.ipv6(HOSTS.frr)}`,
        `route add ${FAR.bird.ipv4} via ${LAN.ipv4(HOSTS.bird)}`,
        `route add ${FAR.bird.ipv6} via ${LAN.ipv6(HOSTS.bird)}`,
        // Cluster addresses have to leave for somewhere before the data path takes them.
        `route add default via ${LAN.ipv4(HOSTS.frr)}`,
        `route add default via ${LAN.ipv6(HOSTS.frr)}`,
      ],
      spaces.node(node),
    )
  }
}

/** Ends what runs in them, and removes them. Safe to repeat. */
export async function removeTopology(spaces: Namespaces): Promise<void> {
  for (const name of spaces.all) {
    const pids = await run('ip', ['netns', 'pids', name]).catch(() => '')
    for (const pid of pids.split('\n').filter(line => line !== '')) runQuietly('kill', ['-9', pid])
  }
  for (const name of spaces.all) runQuietly('ip', ['netns', 'delete', name])
}

const SETTINGS = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv6.conf.all.accept_dad=0',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv4.fib_multipath_hash_policy=1',
  'net.ipv6.fib_multipath_hash_policy=1',
]

async function tune(name: string): Promise<void> {
  await run('ip', ['netns', 'exec', name, 'sysctl', '-q', '-w', ...SETTINGS]).catch(() => {
    // A kernel that keeps one of them to itself still forwards; what needs it fails where it is looked at.
  })
}

function attach(spaces: Namespaces, name: string, port: string, host: number): void {
  ipBatch(
    [`link add ${port} type veth peer name eth0 netns ${name}`, `link set ${port} master br0`, `link set ${port} up`],
    spaces.switch,
  )
  ipBatch(
    [
      'link set eth0 up',
      `address add ${LAN.ipv4(host)}/${LAN.ipv4Length} dev eth0`,
      `address add ${LAN.ipv6(host)}/${LAN.ipv6Length} dev eth0 nodad`,
    ],
    name,
  )
}

function attachPod(spaces: Namespaces, node: NodeName): void {
  const [pod, gateway] = [podAddress(node), podGateway(node)]
  ipBatch(
    [
      `link add pod0 type veth peer name eth0 netns ${spaces.pod(node)}`,
      'link set pod0 up',
      `address add ${gateway.ipv4}/24 dev pod0`,
      `address add ${gateway.ipv6}/64 dev pod0 nodad`,
    ],
    spaces.node(node),
  )
  ipBatch(
    [
      'link set eth0 up',
      `address add ${pod.ipv4}/24 dev eth0`,
      `address add ${pod.ipv6}/64 dev eth0 nodad`,
      `route add default via ${gateway.ipv4}`,
      `route add default via ${gateway.ipv6}`,
    ],
    spaces.pod(node),
  )
}

function attachFar(router: string, client: string, plan: (typeof FAR)[keyof typeof FAR]): void {
  ipBatch(
    [
      `link add far0 type veth peer name eth0 netns ${client}`,
      'link set far0 up',
      `address add ${plan.router.ipv4}/24 dev far0`,
      `address add ${plan.router.ipv6}/64 dev far0 nodad`,
    ],
    router,
  )
  ipBatch(
    [
      'link set eth0 up',
      `address add ${plan.client.ipv4}/24 dev eth0`,
      `address add ${plan.client.ipv6}/64 dev eth0 nodad`,
      `route add default via ${plan.router.ipv4}`,
      `route add default via ${plan.router.ipv6}`,
    ],
    client,
  )
}
