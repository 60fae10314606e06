import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { electOwner } from '@metallb-ts/l2-announcer'
import { address } from '@metallb-ts/netip'

const CLIENT = '10.88.0.1'
/** The one whose datagrams are counted; the others are in 10.88.1.0 and on. */
export const FIRST: string = vip(0)
export const VIRTUAL = '10.88.0.200'

/** The address that number `i` is. */
export function vip(i: number): string {
  return `10.88.${1 + (i >> 8)}.${i & 255}`
}

/** What a client saw while something happened. */
export interface Seen {
  /** Longest time without an answer to a datagram, one being sent every millisecond. */
  readonly gapMs: number
  /** Longest time in which no ARP request for the first address was answered. */
  readonly arpSilentMs: number
  /** Longest time in which two nodes answered for the first address. */
  readonly doubleMs: number
  /** Addresses for which a request was ever answered by two. */
  readonly doubled: number
}

/**
 * Nodes and a client on a bridge, in namespaces of their own. A node has the address on its loopback and serves it,
 * whoever answers ARP: as kube-proxy's rules do. Its LAN thread is the speaker's.
 */
export class Segment {
  readonly #prefix = `l2b${process.pid}`
  readonly #nodes: readonly string[]
  readonly #threads = new Map<string, ChildProcess>()
  readonly #others: ChildProcess[] = []

  constructor(size: number) {
    process.once('exit', () => this.remove())
    this.#nodes = Array.from({ length: size }, (_, i) => `n${i}`)
    for (const name of ['sw', 'client', ...this.#nodes]) ip('netns', 'add', this.space(name))
    ip('-n', this.space('sw'), 'link', 'add', 'lan0', 'type', 'bridge', 'forward_delay', '0')
    ip('-n', this.space('sw'), 'link', 'set', 'lan0', 'up')
    this.#plug('client', `${CLIENT}/16`)
    for (const [i, node] of this.#nodes.entries()) {
      this.#plug(node, `10.88.0.${10 + i}/16`)
      for (const each of [FIRST]) ip('-n', this.space(node), 'addr', 'add', `${each}/32`, 'dev', 'lo')
      const settings = [
        'net.ipv4.conf.all.arp_ignore=1',
        'net.ipv4.ip_nonlocal_bind=1',
        'net.ipv4.conf.all.rp_filter=0',
      ]
      execFileSync('ip', ['netns', 'exec', this.space(node), 'sysctl', '-qw', ...settings])
      this.#others.push(this.#start(node, here('echo.ts'), [FIRST, VIRTUAL]))
    }
  }

  get nodes(): readonly string[] {
    return this.#nodes
  }

  space(name: string): string {
    return `${this.#prefix}-${name}`
  }

  /** First in the order of the first address. */
  get owner(): string {
    return electOwner(
      this.#nodes.map(node => ({ node })),
      address(FIRST),
    ).owner!
  }

  /** A LAN thread that may own so many addresses, as all the others may. */
  async startThread(node: string, addresses: number): Promise<void> {
    const script = fileURLToPath(import.meta.resolve('@metallb-ts/speaker/lan/testing/lan-process'))
    const child = this.#start(node, script, [node, `10.88.0.${10 + this.#nodes.indexOf(node)}`])
    this.#threads.set(node, child)
    await new Promise<void>(resolve =>
      createInterface({ input: child.stdout! }).on('line', line => line.includes('"started":true') && resolve()),
    )
    this.contest(node, addresses)
    child.stdin!.write(`peers ${this.#nodes.map((each, i) => `${each}=10.88.0.${10 + i}`).join(' ')}\n`)
  }

  async startThreads(addresses: number): Promise<void> {
    await Promise.all(this.#nodes.map(node => this.startThread(node, addresses)))
    await pause(1_500 + 2 * addresses)
  }

  /** @param preferred the node that the addresses should move to, whoever is first in the order */
  contest(node: string, addresses: number, preferred = ''): void {
    const candidates = this.#nodes.map(each => `${each}=${each === preferred ? 1 : 0}`)
    this.#threads.get(node)!.stdin!.write(`contests ${addresses} ${candidates.join(' ')}\n`)
  }

  pid(node: string): number {
    return this.#threads.get(node)!.pid!
  }

  signal(node: string, signal: NodeJS.Signals): void {
    this.#threads.get(node)!.kill(signal)
  }

  /** As SIGTERM ends a speaker's thread. */
  terminate(node: string): void {
    this.#threads.get(node)!.stdin!.write('stop\n')
  }

  setLink(node: string, state: 'up' | 'down'): void {
    ip('-n', this.space('sw'), 'link', 'set', node, state)
  }

  /** Looks for so long, while `act` happens half a second after the start. */
  async during(seconds: number, target: string, addresses: number, act: () => void | Promise<void>): Promise<Seen> {
    const child = this.#start('client', here('probe.ts'), [String(seconds), target, String(addresses)])
    const lines: string[] = []
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    await new Promise<void>(resolve => {
      createInterface({ input: child.stdout! }).on('line', line => {
        lines.push(line)
        if (line === 'started') resolve()
      })
    })
    await pause(500)
    await act()
    await ended
    await pause(20)
    return JSON.parse(lines.at(-1) ?? '{}') as Seen
  }

  startKeepalived(node: string, file: string): ChildProcess {
    const args = ['netns', 'exec', this.space(node), '/usr/sbin/keepalived', '-n', '-l', '-P', '-f', file]
    const child = spawn('ip', [...args, '-p', `${file}.pid`, '-r', `${file}.vrrp.pid`], { stdio: 'ignore' })
    this.#others.push(child)
    return child
  }

  async stopThreads(): Promise<void> {
    const all = [...this.#threads.values()]
    for (const child of all) child.kill('SIGKILL')
    this.#threads.clear()
    await pause(200)
  }

  remove(): void {
    for (const child of [...this.#threads.values(), ...this.#others.splice(0)]) child.kill('SIGKILL')
    this.#threads.clear()
    for (const name of ['client', ...this.#nodes, 'sw']) {
      spawnSync('ip', ['netns', 'del', this.space(name)], { stdio: 'ignore' })
    }
  }

  run(name: string, script: string, args: readonly string[]): ChildProcess {
    return this.#start(name, here(script), args)
  }

  #start(name: string, script: string, args: readonly string[]): ChildProcess {
    const all = ['netns', 'exec', this.space(name), process.execPath, '--conditions=development', script, ...args]
    return spawn('ip', all, { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  #plug(name: string, own: string): void {
    const [sw, space] = [this.space('sw'), this.space(name)]
    ip('link', 'add', name, 'netns', sw, 'type', 'veth', 'peer', 'name', 'e0', 'netns', space)
    ip('-n', sw, 'link', 'set', name, 'master', 'lan0', 'up')
    ip('-n', space, 'addr', 'add', own, 'dev', 'e0')
    ip('-n', space, 'link', 'set', 'lo', 'up')
    ip('-n', space, 'link', 'set', 'e0', 'up')
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function here(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url))
}
