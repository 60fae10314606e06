import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** An answer whose body is still coming: it may be read once. */
export interface Exchanged {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: AsyncIterable<Buffer>
  /** Nobody reads the body. */
  dump(): void
}

export interface ExchangeOptions extends Dispatcher.DispatchOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * One request and its answer, without a stream between undici and who reads: ten thousand small answers are most of what a
 * start waits for. Rejects with the signal's reason, or with what undici says.
 */
export function exchange(dispatcher: Dispatcher, { signal, ...options }: ExchangeOptions): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    dispatcher.dispatch(options, new Exchange(signal, resolve, reject))
  })
}

class Exchange implements Dispatcher.DispatchHandler, AsyncIterableIterator<Buffer> {
  readonly #signal: AbortSignal | undefined
  readonly #answered: (answer: Exchanged) => void
  readonly #failed: (error: unknown) => void
  #controller: Dispatcher.DispatchController | undefined
  readonly #held: Buffer[] = []
  #heldBytes = 0
  #isDumped = false
  #end: { readonly error?: unknown } | undefined
  #reader: (() => void) | undefined

  constructor(
    signal: AbortSignal | undefined,
    answered: (answer: Exchanged) => void,
    failed: (error: unknown) => void,
  ) {
    this.#signal = signal
    this.#answered = answered
    this.#failed = failed
    signal?.addEventListener('abort', this)
  }

  /** The signal's. */
  handleEvent(): void {
    const reason: unknown = this.#signal?.reason
    this.#controller?.abort(reason as Error)
    this.#finish({ error: reason })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#end !== undefined) controller.abort(this.#end.error as Error)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status >= FINAL) this.#answered({ status, headers, body: this, dump: () => this.#dump() })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isDumped || this.#end !== undefined) return
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= MOST_HELD_BYTES) controller.pause()
    this.#wake()
  }

  onResponseEnd(): void {
    this.#finish({})
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#finish({ error })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const chunk = this.#held.shift()
      if (chunk !== undefined) {
        this.#heldBytes -= chunk.length
        if (this.#heldBytes === 0) this.#controller?.resume()
        return { value: chunk, done: false }
      }
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error
        return { value: undefined, done: true }
      }
      await new Promise<void>(resolve => (this.#reader = resolve))
    }
  }

  /** Whoever reads has had enough. */
  async return(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#end === undefined) {
      this.#controller?.abort(new Error('nobody reads on'))
      this.#finish({})
    }
    return { value: undefined, done: true }
  }

  #dump(): void {
    this.#isDumped = true
    this.#held.length = 0
    this.#heldBytes = 0
    this.#controller?.resume()
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#signal?.removeEventListener('abort', this)
    if ('error' in end) this.#failed(end.error) // nothing, once there was an answer
    this.#wake()
  }

  #wake(): void {
    this.#reader?.()
    this.#reader = undefined
  }
}

const FINAL = 200 // what comes before is only information
const MOST_HELD_BYTES = 64 * 1024 // then the server waits for whoever reads
