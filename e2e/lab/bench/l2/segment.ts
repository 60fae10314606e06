import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { electOwner } from '@metallb-ts/l2-announcer'
import { address } from '@metallb-ts/netip'
import { CLIENT, FIRST, nodeAddress, VIRTUAL } from './addresses.ts'
import type { Seen } from './seen.ts'
import { Talk } from './talk.ts'

/**
 * Nodes and a client on a bridge, in namespaces of their own. A node has the address on its loopback and serves it,
 * whoever answers ARP: as kube-proxy's rules do. Its LAN thread is the speaker's.
 */
export class Segment {
  readonly nodes: readonly string[]
  readonly #prefix = `l2b${process.pid}`
  readonly #threads = new Map<string, Talk>()
  readonly #others: ChildProcess[] = []
  readonly #client: Talk

  constructor(size: number) {
    process.once('exit', () => this.remove())
    this.nodes = Array.from({ length: size }, (_, i) => `n${i}`)
    for (const name of ['sw', 'client', ...this.nodes]) ip('netns', 'add', this.space(name))
    ip('-n', this.space('sw'), 'link', 'add', 'lan0', 'type', 'bridge', 'forward_delay', '0')
    ip('-n', this.space('sw'), 'link', 'set', 'lan0', 'up')
    this.#plug('client', `${CLIENT}/16`)
    for (const [i, node] of this.nodes.entries()) {
      this.#plug(node, `${nodeAddress(i)}/16`)
      ip('-n', this.space(node), 'addr', 'add', `${FIRST}/32`, 'dev', 'lo')
      // As kube-proxy with strictARP has them, and the echo of keepalived's address binds before that is there.
      const settings = [
        'conf.all.arp_ignore=1',
        'conf.all.arp_announce=2',
        'ip_nonlocal_bind=1',
        'conf.all.rp_filter=0',
      ]
      execFileSync('ip', this.#inside(node, 'sysctl', '-qw', ...settings.map(each => `net.ipv4.${each}`)))
      this.#others.push(this.run(node, 'echo.ts', [FIRST, VIRTUAL]))
    }
    this.#client = new Talk('the client', this.run('client', 'probe.ts', [CLIENT]))
  }

  space(name: string): string {
    return `${this.#prefix}-${name}`
  }

  /** First in the order of the first address. */
  get owner(): string {
    return electOwner(
      this.nodes.map(node => ({ node })),
      address(FIRST),
    ).owner!
  }

  /** A LAN thread that may own so many addresses, as all the others may. */
  async startThread(node: string, addresses: number): Promise<void> {
    const script = fileURLToPath(import.meta.resolve('@metallb-ts/speaker/lan/testing/lan-process'))
    const thread = new Talk(node, this.#start(node, script, [node, nodeAddress(this.nodes.indexOf(node))]))
    this.#threads.set(node, thread)
    await thread.hear('started', line => line.includes('"started":true'))
    this.contest(node, addresses)
    thread.say(`peers ${this.nodes.map((each, i) => `${each}=${nodeAddress(i)}`).join(' ')}`)
  }

  async startThreads(addresses: number): Promise<void> {
    await Promise.all(this.nodes.map(node => this.startThread(node, addresses)))
  }

  /** @param preferred the node that the addresses should move to, whoever is first in the order */
  contest(node: string, addresses: number, preferred = ''): void {
    const candidates = this.nodes.map(each => `${each}=${each === preferred ? 1 : 0}`)
    this.thread(node).say(`contests ${addresses} ${candidates.join(' ')}`)
  }

  signal(node: string, signal: NodeJS.Signals): void {
    this.thread(node).child.kill(signal)
  }

  /** As SIGTERM ends a speaker's thread. */
  terminate(node: string): void {
    this.thread(node).say('stop')
  }

  /** The cable: both ends see it. */
  setLink(node: string, state: 'up' | 'down'): void {
    ip('-n', this.space('sw'), 'link', 'set', node, state)
  }

  /** Something behind the node's own switch port: it sees nothing of it. */
  setPath(node: string, state: 'whole' | 'cut'): void {
    ip('-n', this.space('sw'), 'link', 'set', node, ...(state === 'whole' ? ['master', 'lan0'] : ['nomaster']))
  }

  /** The switch loses so much of what it forwards, in percent. */
  lose(percent: number): void {
    const rules = [
      'add table bridge weather',
      'add chain bridge weather forward { type filter hook forward priority 0; }',
      `add rule bridge weather forward numgen random mod 100 < ${percent} drop`,
    ]
    execFileSync('ip', this.#inside('sw', 'nft', rules.join('; ')))
  }

  thread(node: string): Talk {
    return this.#threads.get(node)!
  }

  /** Looks while something happens, and for so long after it. */
  async during(target: string, addresses: number, act: () => unknown, lookMs: number): Promise<Seen> {
    const watching = this.#client.hear('watching', line => line === 'watching')
    this.#client.say(`watch ${target} ${addresses}`)
    await watching
    await pause(BEFORE_MS)
    await act()
    await pause(lookMs)
    const report = this.#client.hear('what it saw', line => line.startsWith('{'))
    this.#client.say('report')
    return JSON.parse(await report) as Seen
  }

  /** Until the client sees one owner and no change of it. */
  async settle(target: string, addresses: number): Promise<void> {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const { arpSilentMs, doubled } = await this.during(target, addresses, () => {}, LOOK_MS)
      if (doubled === 0 && arpSilentMs < LOOK_MS / 2) return
    }
    throw new Error(`not one owner of ${target} after ${MOST_LOOKS} looks`)
  }

  startKeepalived(node: string, file: string): ChildProcess {
    const args = ['/usr/sbin/keepalived', '-n', '-l', '-P', '-f', file, '-p', `${file}.pid`, '-r', `${file}.vrrp.pid`]
    const child = spawn('ip', this.#inside(node, ...args), { stdio: 'ignore' })
    this.#others.push(child)
    return child
  }

  async killThreads(): Promise<void> {
    for (const { child } of this.#threads.values()) child.kill('SIGKILL')
    this.#threads.clear()
    await pause(200)
  }

  remove(): void {
    const threads = [...this.#threads.values()].map(({ child }) => child)
    for (const child of [...threads, this.#client.child, ...this.#others.splice(0)]) child.kill('SIGKILL')
    this.#threads.clear()
    for (const name of ['client', ...this.nodes, 'sw']) {
      spawnSync('ip', ['netns', 'del', this.space(name)], { stdio: 'ignore' })
    }
  }

  /** A program of this folder, on one of the machines. */
  run(name: string, script: string, args: readonly string[]): ChildProcess {
    return this.#start(name, fileURLToPath(new URL(script, import.meta.url)), args)
  }

  #start(name: string, script: string, args: readonly string[]): ChildProcess {
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', '--conditions=development', script]
    return spawn('ip', this.#inside(name, ...command, ...args), { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  #inside(name: string, ...command: readonly string[]): string[] {
    return ['netns', 'exec', this.space(name), ...command]
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

const BEFORE_MS = 100
const LOOK_MS = 200
const MOST_LOOKS = 50

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
