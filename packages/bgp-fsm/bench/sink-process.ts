import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Counts, Order } from './sink.ts'

export const SINK_ASN = 64_500

/** `sink.ts`, started and asked. */
export class Sink {
  readonly #child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(): Promise<Sink> {
    const child = fork(join(import.meta.dirname, 'sink.ts'), { execArgv: ['--conditions=development'] })
    const { port } = await new Promise<{ port: number }>(resolve => child.once('message', resolve as () => void))
    return new Sink(child, port)
  }

  ask(order: Order): Promise<Counts> {
    const answer = new Promise<Counts>(resolve => this.#child.once('message', resolve as () => void))
    this.#child.send(order)
    return answer
  }

  counts(): Promise<Counts> {
    return this.ask({ type: 'counts' })
  }

  /** Waits until it was told so many prefixes in all, and says when the last came. */
  async told(prefixes: number): Promise<Counts> {
    for (;;) {
      const counts = await this.counts()
      if (counts.prefixes >= prefixes) return counts
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  stop(): void {
    this.#child.kill()
  }
}
