/**
 * The longest turn of the event loop, in milliseconds of this thread's own processor time: what it would have blocked
 * for on a machine with nothing else to do.
 */
export class TurnWatch {
  #longest = 0
  #spent = spentMs()
  #timer: NodeJS.Timeout | undefined

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

  stop(): void {
    clearTimeout(this.#timer)
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

function spentMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
