import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What bgpd says in its log of each prefix, read as it grows. Times are bgpd's own stamps, in milliseconds. */
export class RouterLog {
  readonly #file: number
  #read = 0
  #rest = ''
  #newest = new Map<string, { readonly at: number; readonly isWithdrawn: boolean }>()

  constructor(path: string) {
    this.#file = openSync(path, 'r')
  }

  forget(): void {
    this.#take()
    this.#newest = new Map()
  }

  /** Prefixes that are known to be announced since `forget`, with the stamp of the last. */
  announced(): { readonly count: number; readonly last: number } {
    this.#take()
    let [count, last] = [0, 0]
    for (const { at, isWithdrawn } of this.#newest.values()) {
      if (isWithdrawn) continue
      count++
      last = Math.max(last, at)
    }
    return { count, last }
  }

  /** When it last heard this of a prefix. */
  stamp(prefix: string, isWithdrawn: boolean): number | undefined {
    this.#take()
    const found = this.#newest.get(prefix)
    return found?.isWithdrawn === isWithdrawn ? found.at : undefined
  }

  close(): void {
    closeSync(this.#file)
  }

  #take(): void {
    const bytes = Buffer.alloc(fstatSync(this.#file).size - this.#read)
    this.#read += readSync(this.#file, bytes, 0, bytes.length, this.#read)
    const lines = (this.#rest + bytes.toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const found = HEARD.exec(line)
      if (found === null) continue
      const [, when = '', prefix = '', withdrawn] = found
      this.#newest.set(prefix, { at: stampMs(when), isWithdrawn: withdrawn !== undefined })
    }
  }
}

const HEARD = /^(\S+ \S+) .* rcvd (?:UPDATE about )?(\S+\/\d+) IPv4 unicast(?: -- (withdrawn))?/

/** `2026/11/28 01:02:03.456789`, local time. */
function stampMs(text: string): number {
  const [seconds = '', fraction = '0'] = text.split('.')
  return new Date(seconds.replaceAll('/', '-').replace(' ', 'T')).getTime() + Number(`0.${fraction}`) * 1_000
}
