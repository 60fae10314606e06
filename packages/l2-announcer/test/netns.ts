import { execFile, execFileSync, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** Network namespaces of one test file, with names of their own, removed on every way out. */
export class Lab {
  readonly #prefix = `l2t${process.pid}-${counter++}`
  readonly #namespaces: Namespace[] = []
  readonly #onExit = (): void => this.remove()

  constructor() {
    process.on('exit', this.#onExit)
  }

  namespace(name: string): Namespace {
    const namespace = new Namespace(`${this.#prefix}-${name}`)
    this.#namespaces.push(namespace)
    namespace.ip('link', 'set', 'lo', 'up')
    return namespace
  }

  /** A wire between two namespaces; both ends are up. */
  wire(a: Namespace, nameA: string, b: Namespace, nameB: string): void {
    execFileSync('ip', ['link', 'add', nameA, 'netns', a.name, 'type', 'veth', 'peer', 'name', nameB, 'netns', b.name])
    b.ip('link', 'set', nameB, 'up')
    a.ip('link', 'set', nameA, 'up')
  }

  remove(): void {
    process.off('exit', this.#onExit)
    for (const namespace of this.#namespaces.splice(0)) namespace.remove()
  }
}

export interface Outcome {
  readonly code: number
  readonly output: string
}

export class Namespace {
  readonly name: string
  readonly #children: ChildProcessByStdio<Writable, Readable, null>[] = []

  constructor(name: string) {
    this.name = name
    execFileSync('ip', ['netns', 'add', name])
  }

  ip(...args: string[]): string {
    return execFileSync('ip', ['-n', this.name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Runs a command to its end; an exit code other than 0 is an answer. */
  run(command: string, ...args: string[]): Promise<Outcome> {
    return new Promise(resolve => {
      execFile('ip', ['netns', 'exec', this.name, command, ...args], { timeout: 30_000 }, (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
          output: stdout + stderr,
        })
      })
    })
  }

  /** Writes a kernel setting of this namespace. */
  async set(setting: string, value: number): Promise<void> {
    const { code, output } = await this.run('sysctl', '-qw', `${setting}=${value}`)
    if (code !== 0) throw new Error(output)
  }

  macOf(link: string): string {
    return /link\/ether (\S+)/.exec(this.ip('link', 'show', link))?.[1] ?? ''
  }

  /** Of its processes those whose command line contains this. */
  pidsOf(what: string): readonly number[] {
    const all = execFileSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' }).split('\n').filter(Boolean)
    return all.map(Number).filter(pid => commandLine(pid).includes(what))
  }

  /** A program that talks in lines of JSON. */
  start(file: URL, ...args: string[]): Talk {
    const child = spawn(
      'ip',
      ['netns', 'exec', this.name, process.execPath, '--conditions=development', file.pathname, ...args],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    this.#children.push(child)
    return new Talk(child)
  }

  /** A program that only runs. */
  spawn(file: URL, ...args: string[]): ChildProcess {
    const all = ['netns', 'exec', this.name, process.execPath, '--conditions=development', file.pathname, ...args]
    return spawn('ip', all, { stdio: 'ignore' })
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    try {
      execFileSync('ip', ['netns', 'del', this.name], { stdio: 'ignore' })
    } catch {
      // gone already
    }
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // ended
  }
}

/** One line of JSON a message, both ways. */
export class Talk {
  readonly said: Record<string, unknown>[] = []
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #ended: Promise<number>

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child
    createInterface({ input: child.stdout }).on('line', line =>
      this.said.push(JSON.parse(line) as Record<string, unknown>),
    )
    this.#ended = new Promise(resolve => child.once('exit', code => resolve(code ?? -1)))
  }

  tell(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`)
  }

  /** Tells it to stop, and waits until it has. */
  async stop(): Promise<number> {
    this.tell({ stop: true })
    return this.#ended
  }

  get ended(): Promise<number> {
    return this.#ended
  }
}

/** Waits for what must become true; the last value is in the failure. */
export async function eventually<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const value = await read()
    if (holds(value)) return value
    if (attempt === MOST_ATTEMPTS) throw new Error(`still ${JSON.stringify(value)}`)
    await new Promise(resolve => setTimeout(resolve, ATTEMPT_MS))
  }
}

const ATTEMPT_MS = 100
const MOST_ATTEMPTS = 150

let counter = 0
