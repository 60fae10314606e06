import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A process that is told things by lines, and answers by lines. */
export class Talk {
  readonly child: ChildProcess
  /** Told of every line. */
  onLine: (line: string) => void = () => {}
  readonly #name: string
  readonly #waiting = new Set<{ readonly hears: (line: string) => boolean; readonly fail: (error: Error) => void }>()

  constructor(name: string, child: ChildProcess) {
    this.#name = name
    this.child = child
    createInterface({ input: child.stdout! }).on('line', line => {
      this.onLine(line)
      for (const each of this.#waiting) if (each.hears(line)) this.#waiting.delete(each)
    })
    child.once('exit', code => {
      for (const { fail } of this.#waiting) fail(new Error(`${name} ended with ${code}`))
    })
    child.stdin!.on('error', () => {}) // it ends before it has read: its exit tells
  }

  say(line: string): void {
    this.child.stdin!.write(`${line}\n`)
  }

  /** The next line of the kind. Rejects when the process ends, or says none in time. */
  hear(what: string, isIt: (line: string) => boolean, limitMs: number = MOST_SILENCE_MS): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error(`${this.#name} did not say ${what} in ${limitMs} ms`)), limitMs)
      const fail = (error: Error): void => {
        clearTimeout(timer)
        this.#waiting.delete(each)
        reject(error)
      }
      const each = {
        fail,
        hears: (line: string): boolean => {
          if (!isIt(line)) return false
          clearTimeout(timer)
          resolve(line)
          return true
        },
      }
      this.#waiting.add(each)
    })
  }
}

const MOST_SILENCE_MS = 120_000
