import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BIRD_ASN, FAR, FAR_BIRD_ASN, FRR_ASN, HOSTS, LAN, NODE_ASN, NODES, nodeHost } from './addresses.ts'
import { run } from './shell.ts'

/** A router that the nodes open sessions with. */
export interface Router {
  readonly name: 'frr' | 'bird'
  /** Next hops of a prefix in the router's kernel, sorted. */
  nextHops(prefix: string): Promise<readonly string[]>
  /** What the router's own command line says; FRR takes several lines, as in its configuration. */
  command(text: string): Promise<string>
}

/** FRR, which can be made to restart. */
export interface FrrRouter extends Router {
  /** Its BGP daemon is killed; what it had put into the kernel stays there. */
  crash(): Promise<void>
  /** The daemon comes back after a crash, with the configuration that it was started with. */
  recover(): Promise<void>
}

export interface RouterInit {
  /** Asks its neighbours to keep its routes while it is away, and keeps its own. @default false */
  readonly restartsGracefully?: boolean
}

const FRR_FOLDER = '/usr/lib/frr'

/** FRR's zebra, bgpd and bfdd, each node a passive neighbour in both families. */
export async function startFrr(namespace: string, folder: string, init: RouterInit = {}): Promise<FrrRouter> {
  const home = join(folder, 'frr')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'zebra.conf'), 'hostname frr\n')
  writeFileSync(join(home, 'bgpd.conf'), frrConfig(init))
  await run('chown', ['-R', 'frr:frr', home])
  await run('chmod', ['755', folder])
  const common = ['-d', '-z', join(home, 'zserv.api'), '--vty_socket', home, '-A', '127.0.0.1']
  const exec = (...args: string[]): Promise<string> => run('ip', ['netns', 'exec', namespace, ...args])
  const bgpd = async (): Promise<void> => {
    await exec(`${FRR_FOLDER}/bgpd`, ...common, '-f', join(home, 'bgpd.conf'), '-i', join(home, 'bgpd.pid'))
  }
  await exec(`${FRR_FOLDER}/zebra`, ...common, '-f', join(home, 'zebra.conf'), '-i', join(home, 'zebra.pid'))
  await until(() => existsSync(join(home, 'zserv.api')))
  await bgpd()
  await exec(`${FRR_FOLDER}/bfdd`, ...common, '--bfdctl', join(home, 'bfdd.sock'), '-i', join(home, 'bfdd.pid'))
  return {
    name: 'frr',
    nextHops: prefix => kernelNextHops(namespace, prefix),
    command: text => run('vtysh', ['--vty_socket', home, ...text.split('\n').flatMap(line => ['-c', line])]),
    crash: () => killed(join(home, 'bgpd.pid')),
    recover: bgpd,
  }
}

/** BIRD on the LAN, each node a passive neighbour in both families. */
export function startBird(namespace: string, folder: string): Promise<Router> {
  return birdWith(birdConfig(), namespace, join(folder, 'bird'))
}

/** BIRD behind the router FRR, two hops from every node. */
export function startFarBird(namespace: string, folder: string): Promise<Router> {
  return birdWith(farBirdConfig(), namespace, join(folder, 'far-bird'))
}

async function birdWith(config: string, namespace: string, home: string): Promise<Router> {
  mkdirSync(home, { recursive: true })
  const [file, control, pid] = ['bird.conf', 'bird.ctl', 'bird.pid'].map(name => join(home, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(file, config)
  await run('ip', ['netns', 'exec', namespace, 'bird', '-c', file, '-s', control, '-P', pid])
  return {
    name: 'bird',
    nextHops: prefix => kernelNextHops(namespace, prefix),
    command: text => run('birdc', ['-s', control, ...text.split(' ')]),
  }
}

/** Names of what a router needs that is not installed. */
export function missingRouters(): readonly string[] {
  const missing: string[] = []
  if (!existsSync(`${FRR_FOLDER}/bgpd`)) missing.push('frr')
  if (!['/usr/sbin/bird', '/usr/bin/bird'].some(existsSync)) missing.push('bird2')
  return missing
}

/** An IPv4 route may go through an IPv6 gateway, which then stands elsewhere (RFC 8950). */
interface Hop {
  readonly gateway?: string
  readonly via?: { readonly host: string }
}

async function kernelNextHops(namespace: string, prefix: string): Promise<readonly string[]> {
  const args = [
    '-n',
    namespace,
    '-j',
    ...(prefix.includes(':') ? ['-6'] : []),
    'route',
    'show',
    prefix.replace(/\/(32|128)$/, ''),
  ]
  const routes = JSON.parse((await run('ip', args)) || '[]') as (Hop & {
    readonly nexthops?: readonly Hop[]
  })[]
  const hops = routes.flatMap(({ nexthops, ...only }) => [only, ...(nexthops ?? [])])
  return hops.flatMap(({ gateway, via }) => gateway ?? via?.host ?? []).sort()
}

function frrConfig({ restartsGracefully = false }: RouterInit): string {
  const neighbours = (family: 'ipv4' | 'ipv6'): string[] => NODES.map(node => LAN[family](nodeHost(node)))
  const all = [...neighbours('ipv4'), ...neighbours('ipv6')]
  return [
    `router bgp ${FRR_ASN}`,
    ` bgp router-id ${LAN.ipv4(HOSTS.frr)}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ...(restartsGracefully ? [' bgp graceful-restart', ' bgp graceful-restart preserve-fw-state'] : []),
    ' bgp bestpath as-path multipath-relax',
    ...all.flatMap(address => [
      ` neighbor ${address} remote-as ${NODE_ASN}`,
      ` neighbor ${address} passive`,
      ` neighbor ${address} timers 3 9`,
    ]),
    ' address-family ipv4 unicast',
    ...neighbours('ipv4').map(address => `  neighbor ${address} activate`),
    '  maximum-paths 8',
    ' exit-address-family',
    ' address-family ipv6 unicast',
    ...neighbours('ipv6').map(address => `  neighbor ${address} activate`),
    '  maximum-paths 8',
    ' exit-address-family',
    '',
  ].join('\n')
}

function birdConfig(): string {
  const session = (family: 'ipv4' | 'ipv6', node: (typeof NODES)[number]): string => `
protocol bgp ${node}_${family} {
  local ${LAN[family](HOSTS.bird)} as ${BIRD_ASN};
  neighbor ${LAN[family](nodeHost(node))} as ${NODE_ASN};
  passive;
  error wait time 1, 2;
  bfd on;
  ${family} { import all; export none; };
}`
  const kernel = (family: 'ipv4' | 'ipv6'): string => `
protocol kernel { merge paths on; ${family} { export where source = RTS_BGP; }; }`
  return [
    `router id ${LAN.ipv4(HOSTS.bird)};`,
    'protocol device { scan time 1; }',
    'protocol bfd { interface "*" { interval 100 ms; multiplier 3; }; }',
    'protocol direct { ipv4; ipv6; }',
    kernel('ipv4'),
    kernel('ipv6'),
    ...NODES.flatMap(node => [session('ipv4', node), session('ipv6', node)]),
    '',
  ].join('\n')
}

function farBirdConfig(): string {
  const session = (family: 'ipv4' | 'ipv6', node: (typeof NODES)[number]): string => `
protocol bgp ${node}_${family} {
  local ${FAR.frr.client[family]} as ${FAR_BIRD_ASN};
  neighbor ${LAN[family](nodeHost(node))} as ${NODE_ASN};
  multihop 2;
  passive;
  error wait time 1, 2;
  bfd on;
  ${family} { import all; export none; };
}`
  return [
    `router id ${FAR.frr.client.ipv4};`,
    'protocol device { scan time 1; }',
    'protocol bfd { multihop { interval 100 ms; multiplier 3; }; }',
    ...NODES.flatMap(node => [session('ipv4', node), session('ipv6', node)]),
    '',
  ].join('\n')
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (holds()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('a router did not start, or did not end')
}

/** SIGKILL to a daemon that left its process group; resolves when it is gone. */
async function killed(pidFile: string): Promise<void> {
  const pid = Number(readFileSync(pidFile, 'utf8'))
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid))
}

/** One that has ended may stand in the table of processes until its parent asks for it. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !readFileSync(path, 'utf8').includes(') Z ')
}
