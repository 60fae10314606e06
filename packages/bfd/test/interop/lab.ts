import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const RUN = `${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`
let lastLab = 0

/** Three network namespaces in a row: `us` runs our BFD, `router` between, `far` behind it. Daemons run in either. */
export class Lab {
  readonly us: string
  readonly router: string
  readonly far: string
  readonly folder: string
  readonly #children: ChildProcess[] = []
  readonly #onExit: () => void

  constructor() {
    const id = `${RUN}${lastLab++}`
    this.us = `bfd-u${id}`
    this.router = `bfd-r${id}`
    this.far = `bfd-f${id}`
    this.folder = mkdtempSync(join(tmpdir(), 'bfd-lab-'))
    execFileSync('chmod', ['777', this.folder])
    this.#onExit = () => this.close()
    process.once('exit', this.#onExit)
    for (const name of this.#namespaces) {
      ip('netns', 'add', name)
      this.sh(name, 'ip link set lo up; sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0')
    }
    ip('link', 'add', 'eth0', 'netns', this.us, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.router)
    ip('link', 'add', 'eth1', 'netns', this.router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.far)
    this.sh(this.router, 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1')
    this.#address(this.us, 'eth0', '192.0.2.10/24', '2001:db8::10/64', 'fe80::10/64')
    this.#address(this.router, 'eth0', '192.0.2.1/24', '2001:db8::1/64', 'fe80::1/64')
    this.#address(this.router, 'eth1', '198.51.100.254/24', '2001:db8:1::fe/64')
    this.#address(this.far, 'eth0', '198.51.100.1/24', '2001:db8:1::1/64')
    this.sh(this.us, 'ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8::1')
    this.sh(this.far, 'ip route add default via 198.51.100.254; ip -6 route add default via 2001:db8:1::fe')
  }

  sh(namespace: string, command: string): string {
    return execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-c', command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  /** Datagrams that found the buffer of their socket full, since the namespace is there. */
  udpOverflows(namespace: string): number {
    const [names = [], values = []] = [...this.sh(namespace, 'cat /proc/net/snmp').matchAll(/^Udp: (.*)$/gm)].map(
      ([, row = '']) => row.split(' '),
    )
    return Number(values[names.indexOf('RcvbufErrors')])
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text, { mode: 0o644 })
    return path
  }

  /** Runs until `close`. */
  spawn(namespace: string, command: string, args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stderr.on('data', (text: Buffer) => process.env['BFD_LAB_DEBUG'] !== undefined && process.stderr.write(text))
    this.#children.push(child)
    return child
  }

  /** Packets of BFD on eth0, until the function that is answered reads them. */
  async capture(namespace: string): Promise<() => Promise<readonly CapturedPacket[]>> {
    const file = join(this.folder, 'capture.pcap')
    const child = this.spawn(namespace, 'tcpdump', [
      '-i',
      'eth0',
      '--immediate-mode',
      '-U',
      '-w',
      file,
      'udp portrange 3784-3785 or udp port 4784',
    ])
    await eventually(
      () => existsSync(file),
      () => 'tcpdump',
    )
    return async () => {
      await new Promise(resolve => setTimeout(resolve, CAPTURE_SETTLE_MS))
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGINT')
      await ended
      const text = execFileSync('tcpdump', ['-nn', '-v', '-r', file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return [...text.matchAll(PACKET)].map(([, ttl, from, sourcePort, port]) => ({
        ttl: Number(ttl),
        from: from!,
        sourcePort: Number(sourcePort),
        port: Number(port),
      }))
    }
  }

  /** bfdd with the zebra that tells it of interfaces, in one of the namespaces. `via`: what runs bfdd, as `chrt` does. */
  frr(configuration: string, namespace: string = this.router, via: readonly string[] = []): Frr {
    const home = join(this.folder, namespace)
    mkdirSync(home, { recursive: true })
    chmodSync(home, 0o777)
    const common = ['-z', join(home, 'zserv.api'), '--vty_socket', home, '-P', '0']
    const zebra = this.file('zebra.conf', '')
    this.spawn(namespace, '/usr/lib/frr/zebra', ['-f', zebra, '-i', join(home, 'zebra.pid'), ...common])
    this.#await(join(home, 'zserv.api'))
    const bfdd = this.file(`bfdd-${namespace}.conf`, configuration)
    const pid = join(home, 'bfdd.pid')
    const [command = '', ...args] = [...via, '/usr/lib/frr/bfdd', '-f', bfdd, '-i', pid]
    this.spawn(namespace, command, [...args, '--bfdctl', join(home, 'bfdd.sock'), ...common])
    return new Frr(namespace, home)
  }

  bird(configuration: string, namespace: string = this.router): Bird {
    const control = join(this.folder, 'bird.ctl')
    const pid = join(this.folder, 'bird.pid')
    this.spawn(namespace, 'bird', ['-f', '-c', this.file('bird.conf', configuration), '-s', control, '-P', pid])
    return new Bird(control, join(this.folder, 'bird.conf'))
  }

  /** Our sessions, in a process of their own. `program`: one that runs `bfd-process.ts` its own way. */
  bfd(
    namespace: string = this.us,
    program: URL = new URL('bfd-process.ts', import.meta.url),
    via: readonly string[] = [],
  ): BfdProcess {
    const [command = '', ...args] = [...via, process.execPath, '--conditions=development', program.pathname]
    return new BfdProcess(this.spawn(namespace, command, args))
  }

  close(): void {
    process.off('exit', this.#onExit)
    for (const child of this.#children) child.kill('SIGKILL')
    for (const name of this.#namespaces) {
      quietly(() => execFileSync('sh', ['-c', `ip netns pids ${name} | xargs -r kill -9`], { stdio: 'ignore' }))
      quietly(() => ip('netns', 'del', name))
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #namespaces(): readonly string[] {
    return [this.us, this.router, this.far]
  }

  #address(namespace: string, link: string, ...addresses: readonly string[]): void {
    this.sh(namespace, `ip link set ${link} up`)
    for (const one of addresses)
      this.sh(namespace, `ip address add ${one} dev ${link}${one.includes(':') ? ' nodad' : ''}`)
  }

  #await(path: string): void {
    for (let tries = 0; tries < 200 && !existsSync(path); tries++) execFileSync('sleep', ['0.05'])
  }
}

export interface CapturedPacket {
  readonly ttl: number
  readonly from: string
  readonly sourcePort: number
  readonly port: number
}

const CAPTURE_SETTLE_MS = 500
const PACKET = /(?:ttl|hlim) (\d+)[\s\S]*?(\S+)\.(\d+) > \S+\.(3784|3785|4784):/g

export interface FrrPeer {
  readonly peer: string
  readonly status: string
  readonly diagnostic?: string
  readonly 'remote-diagnostic'?: string
  readonly 'receive-interval'?: number
  readonly 'transmit-interval'?: number
  readonly 'remote-receive-interval'?: number
  readonly 'remote-transmit-interval'?: number
  readonly 'remote-detect-multiplier'?: number
  readonly 'remote-id'?: number
}

export class Frr {
  readonly #namespace: string
  readonly #home: string

  constructor(namespace: string, home: string) {
    this.#namespace = namespace
    this.#home = home
  }

  /** Of bfdd. */
  get pid(): number {
    return Number(readFileSync(join(this.#home, 'bfdd.pid'), 'utf8'))
  }

  /** Runs commands of FRR's own shell. */
  ask(...commands: readonly string[]): string {
    const args = commands.flatMap(command => ['-c', command])
    return execFileSync(
      'ip',
      ['netns', 'exec', this.#namespace, 'vtysh', '--vty_socket', this.#home, '-d', 'bfdd', ...args],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
  }

  configure(...lines: readonly string[]): void {
    this.ask('configure terminal', 'bfd', ...lines)
  }

  peer(address: string): FrrPeer | undefined {
    const peers = JSON.parse(this.ask('show bfd peers json')) as readonly FrrPeer[]
    return peers.find(({ peer }) => peer === address)
  }

  counters(address: string): Readonly<Record<string, number>> | undefined {
    const all = JSON.parse(this.ask('show bfd peers counters json')) as readonly Record<string, number | string>[]
    return all.find(({ peer }) => peer === address) as Readonly<Record<string, number>> | undefined
  }
}

export class Bird {
  readonly #control: string
  readonly #file: string

  constructor(control: string, file: string) {
    this.#control = control
    this.#file = file
  }

  /** Takes another configuration while it runs. */
  configure(text: string): void {
    writeFileSync(this.#file, text)
    execFileSync('birdc', ['-s', this.#control, 'configure'], { stdio: 'ignore' })
  }

  /** The line about this peer of `show bfd sessions`, in words. */
  session(address: string): readonly string[] | undefined {
    const text = execFileSync('birdc', ['-s', this.#control, 'show bfd sessions'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .find(([first]) => first === address)
  }
}

export interface Line {
  readonly name: string
  readonly detail?: Record<string, unknown>
  readonly [more: string]: unknown
}

export class BfdProcess {
  readonly lines: Line[] = []
  readonly child: ChildProcess

  constructor(child: ChildProcess) {
    this.child = child
    createInterface({ input: child.stdout! }).on('line', line => this.lines.push(JSON.parse(line) as Line))
  }

  tell(command: object): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`)
  }

  /** The first line of this name, from `from` on. */
  async event(name: string, from = 0): Promise<Line> {
    return eventually(
      () => this.lines.slice(from).find(line => line.name === name),
      () => `${name}; said: ${JSON.stringify(this.lines.slice(-6))}`,
    )
  }

  async open(path: object, profile: object = {}): Promise<string> {
    const from = this.lines.length
    this.tell({ do: 'open', path, profile })
    return (await this.event('opened', from))['key'] as string
  }

  async show(): Promise<readonly ShownSession[]> {
    const from = this.lines.length
    this.tell({ do: 'show' })
    return (await this.event('shown', from))['sessions'] as readonly ShownSession[]
  }

  /** The one session, once it is as the test wants it. */
  async session(isSo: (session: ShownSession) => boolean, what: string): Promise<ShownSession> {
    let last: ShownSession | undefined
    return eventually(
      async () => {
        last = (await this.show())[0]
        return last !== undefined && isSo(last) && last
      },
      () => `${what}; is ${JSON.stringify(last)}`,
    )
  }
}

export interface ShownSession {
  readonly key: string
  readonly state: string
  readonly diagnostic: number
  readonly sourcePort: number
  readonly remote?: Readonly<Record<string, number | string | boolean>>
  readonly timing: Readonly<Record<string, number | undefined>>
  readonly counters: Readonly<Record<string, number>> & { readonly discarded: Readonly<Record<string, number>> }
}

/** Asks again until there is an answer, or a deadline that only a hanging peer reaches. */
export async function eventually<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  what: () => string,
  timeoutMs = 90_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let answer: T | undefined | false
    try {
      answer = await ask()
    } catch {
      answer = undefined // the daemon is not up yet
    }
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > deadline) throw new Error(`never came: ${what()}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** What this machine lacks for such a test; undefined when it can run. */
export function missingFor(...programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const absent = programs.find(path => !existsSync(path))
  return absent === undefined ? undefined : `needs ${absent}`
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** For what may be gone already. */
function quietly(act: () => void): void {
  try {
    act()
  } catch {
    // then it need not be done
  }
}
