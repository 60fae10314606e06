import { GCProfiler } from 'node:v8'

/** What was measured, its unit and what it should be. */
export type Measured = readonly [what: string, figure: number, unit: string, target: string]

/**
 * The longest turn of the event loop, in milliseconds of this thread's own processor time: what it would have blocked
 * for on a machine with nothing else to do. The kernel counts that by its ticks of some milliseconds; where less time
 * passed in all, that counts.
 */
export class TurnWatch {
  #longest = 0
  #spent = spentMs()
  #at = performance.now()
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

  /** Since the last call, for the report. */
  rows(): readonly Measured[] {
    return [
      [
        'longest turn of the event loop meanwhile, the collector included',
        this.#takeLongest(),
        'ms of processor',
        '≤ 20',
      ],
      ['longest pause for the garbage collector among them, threads waited for', this.#takeCollection(), 'ms', ''],
    ]
  }

  #takeLongest(): number {
    this.#look()
    const longest = this.#longest
    this.#longest = 0
    return longest
  }

  #takeCollection(): number {
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
    const now = performance.now()
    this.#longest = Math.max(this.#longest, Math.min(spent - this.#spent, now - this.#at))
    this.#spent = spent
    this.#at = now
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
