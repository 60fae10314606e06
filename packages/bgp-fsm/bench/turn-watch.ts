import { GCProfiler } from 'node:v8'

/**
 * The longest turn of the event loop, in milliseconds of this thread's own processor time: what it would have blocked
 * for on a machine with nothing else to do.
 */
export class TurnWatch {
  #longest = 0
  #spent = spentMs()
  #timer: NodeJS.Timeout | undefined
  #collector = collecting()

  private constructor() {
    this.#again()
  }

  /** From the next turn on. */
  static async start(): Promise<TurnWatch> {
    await new Promise(resolve => setTimeout(resolve, 5))
    return new TurnWatch()
  }

  /** The longest since the last call. */
  longest(): number {
    this.#look()
    const longest = this.#longest
    this.#longest = 0
    return longest
  }

  /** The longest that the garbage collector stopped everything for, in milliseconds, since the last call. */
  longestCollection(): number {
    const { statistics = [] } = this.#collector.stop() ?? {}
    this.#collector = collecting()
    return Math.max(0, ...statistics.map(({ cost }) => cost / 1_000))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#collector.stop()
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      this.#look()
      this.#again()
    }, 1)
  }

  #look(): void {
    const spent = spentMs()
    this.#longest = Math.max(this.#longest, spent - this.#spent)
    this.#spent = spent
  }
}

function collecting(): GCProfiler {
  const profiler = new GCProfiler()
  profiler.start()
  return profiler
}

function spentMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
