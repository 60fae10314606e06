import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ANSWER_MS = 10_000 // some wait for a daemon that is not there
const MOST_OCTETS = 64 * 1_024 * 1_024
const RUN = `${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`
let lastLab = 0

/** Two network namespaces and a link between them: `us` runs the speaker, `router` a real daemon. */
export class Lab {
  readonly us: string
  readonly router: string
  readonly folder: string
  readonly #children: ChildProcess[] = []
  readonly #onExit: () => void

  constructor() {
    const id = `${RUN}${lastLab++}`
    this.us = `bgp-u${id}`
    this.router = `bgp-r${id}`
    this.folder = mkdtempSync(join(tmpdir(), 'bgp-lab-'))
    execFileSync('chmod', ['777', this.folder])
    this.#onExit = () => this.close()
    process.once('exit', this.#onExit)
    for (const name of [this.us, this.router]) {
      ip('netns', 'add', name)
      this.sh(name, 'ip link set lo up; sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0')
    }
    ip('link', 'add', 'eth0', 'netns', this.us, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.router)
    this.sh(this.us, 'ip a add 192.0.2.10/24 dev eth0; ip a add 2001:db8::10/64 dev eth0 nodad; ip link set eth0 up')
    this.sh(this.router, 'ip a add 192.0.2.1/24 dev eth0; ip a add 2001:db8::1/64 dev eth0 nodad; ip link set eth0 up')
  }

  sh(namespace: string, command: string): string {
    return execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-c', command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  /** What a command says to the router's standard output, while other things go on. */
  async ask(...command: readonly string[]): Promise<string> {
    const args = ['netns', 'exec', this.router, ...command]
    const { stdout } = await run('ip', args, { timeout: ANSWER_MS, maxBuffer: MOST_OCTETS })
    return stdout
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text, { mode: 0o644 })
    return path
  }

  /** Runs until `close`. */
  spawn(namespace: string, command: string, args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stderr.on('data', (text: Buffer) => process.env['BGP_LAB_DEBUG'] !== undefined && process.stderr.write(text))
    this.#children.push(child)
    return child
  }

  frr(configuration: string): Frr {
    const conf = this.file('bgpd.conf', configuration)
    // -Z: no zebra, no routes of the kernel; next hops count as reachable.
    this.spawn(this.router, '/usr/lib/frr/bgpd', [
      '-n', '-Z', '-S', '-f', conf, '-i', join(this.folder, 'bgpd.pid'), '-P', '0', '-z', join(this.folder, 'zserv.api'), '--vty_socket', this.folder,
    ]) // prettier-ignore
    return new Frr(this)
  }

  bird(configuration: string): Bird {
    const conf = this.file('bird.conf', configuration)
    this.spawn(this.router, 'bird', [
      '-f',
      '-c',
      conf,
      '-s',
      join(this.folder, 'bird.ctl'),
      '-P',
      join(this.folder, 'bird.pid'),
    ])
    return new Bird(this)
  }

  speaker(): SpeakerProcess {
    return new SpeakerProcess(
      this.spawn(this.us, process.execPath, [
        '--conditions=development',
        '--disable-warning=ExperimentalWarning',
        new URL('speaker-process.ts', import.meta.url).pathname,
      ]),
    )
  }

  close(): void {
    process.off('exit', this.#onExit)
    for (const child of this.#children) child.kill('SIGKILL')
    for (const name of [this.us, this.router]) {
      try {
        for (const pid of execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).split('\n').filter(Boolean))
          process.kill(Number(pid), 'SIGKILL')
        ip('netns', 'del', name)
      } catch {
        // it is gone already
      }
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export class Frr {
  readonly #lab: Lab
  constructor(lab: Lab) {
    this.#lab = lab
  }

  /** Runs commands of FRR's own shell. */
  ask(...commands: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.#lab.router, ...this.asking(...commands)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  /** The command line that does it. */
  asking(...commands: readonly string[]): readonly string[] {
    const shell = ['vtysh', '--vty_socket', this.#lab.folder, '-d', 'bgpd']
    return [...shell, ...commands.flatMap(command => ['-c', command])]
  }

  json<T>(command: string): T {
    return JSON.parse(this.ask(`${command} json`)) as T
  }
}

export class Bird {
  readonly #lab: Lab
  constructor(lab: Lab) {
    this.#lab = lab
  }

  ask(command: string): string {
    const [program, ...args] = this.asking(command)
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  }

  /** The command line that does it. */
  asking(command: string): readonly [string, ...string[]] {
    return ['birdc', '-s', join(this.#lab.folder, 'bird.ctl'), command]
  }
}

export interface Line {
  readonly name: string
  readonly detail?: Record<string, unknown>
  readonly [more: string]: unknown
}

/** The speaker under test, in a process of its own. */
export class SpeakerProcess {
  readonly lines: Line[] = []
  readonly child: ChildProcess

  constructor(child: ChildProcess) {
    this.child = child
    createInterface({ input: child.stdout! }).on('line', line => this.lines.push(JSON.parse(line) as Line))
  }

  tell(command: object): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`)
  }

  /** The first line, from `from` on, that the test accepts. */
  async line(accept: (line: Line) => boolean, what: string, from = 0): Promise<Line> {
    return eventually(
      () => this.lines.slice(from).find(accept),
      () => `${what}; said: ${JSON.stringify(this.lines.slice(-8))}`,
    )
  }

  async event(name: string, from = 0): Promise<Line> {
    return this.line(line => line.name === name, name, from)
  }

  async show(): Promise<Line> {
    const from = this.lines.length
    this.tell({ do: 'show' })
    return this.event('shown', from)
  }
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
