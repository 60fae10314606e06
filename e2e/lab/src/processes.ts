import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { start } from './shell.ts'

/** The processes of one lab by name, each with its log. */
export class Processes {
  readonly #folder: string
  readonly #running = new Map<string, ChildProcess>()

  /** @param folder where the logs go */
  constructor(folder: string) {
    this.#folder = folder
  }

  start(
    namespace: string,
    name: string,
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): void {
    const child = start(namespace, program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const log = createWriteStream(this.#logFile(name), { flags: 'a' })
    child.stdout!.pipe(log, { end: false })
    child.stderr!.pipe(log, { end: false })
    this.#running.set(name, child)
  }

  /** SIGTERM, and waits for the process to end. Answers with its exit code. */
  async stop(name: string): Promise<number | null> {
    const child = this.#running.get(name)
    if (child === undefined) throw new Error(`no process is called ${name}`)
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await ended
    }
    this.#running.delete(name)
    return child.exitCode
  }

  /** SIGKILL. */
  kill(name: string): void {
    this.#running.get(name)?.kill('SIGKILL')
    this.#running.delete(name)
  }

  isRunning(name: string): boolean {
    const child = this.#running.get(name)
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  killAll(): void {
    for (const name of [...this.#running.keys()]) this.kill(name)
  }

  /** Suspends or resumes a process. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.get(name)?.kill(signal)
  }

  pid(name: string): number {
    const pid = this.#running.get(name)?.pid
    if (pid === undefined) throw new Error(`no process is called ${name}`)
    return pid
  }

  /** What a process wrote. */
  text(name: string): string {
    return readFileSync(this.#logFile(name), 'utf8')
  }

  /** The same as JSON; lines that are none are left out. */
  log(name: string): readonly Record<string, unknown>[] {
    return this.text(name)
      .split('\n')
      .flatMap(line => {
        try {
          return [JSON.parse(line) as Record<string, unknown>]
        } catch {
          return []
        }
      })
  }

  #logFile(name: string): string {
    return join(this.#folder, `${name}.log`)
  }
}
