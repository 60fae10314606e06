import type { BfdPath } from './path.ts'
import type { BfdTransport, Sender, TransportProblem } from './transport.ts'

export interface OutletInit {
  readonly transport: BfdTransport
  readonly path: BfdPath
  /** A source port that no other session of ours has. */
  readonly takePort: () => number
  readonly releasePort: (port: number) => void
  /** Said once until something leaves again. */
  readonly onProblem: (problem: TransportProblem) => void
}

/** The way out of one session: one source port for all its packets, opened when there is one, and again when it died. */
export class Outlet {
  readonly #init: OutletInit
  #port: number
  #sender: Sender | undefined
  #failures = 0

  constructor(init: OutletInit) {
    this.#init = init
    this.#port = init.takePort()
  }

  get sourcePort(): number {
    return this.#port
  }

  /** False when it did not leave. */
  send(bytes: Uint8Array): boolean {
    return this.#attempt(sender => sender.send(bytes))
  }

  sendEcho(bytes: Uint8Array): boolean {
    return this.#attempt(sender => (sender.sendEcho === undefined ? NO_ECHO : sender.sendEcho(bytes)))
  }

  close(): void {
    this.#sender?.close()
    this.#sender = undefined
    this.#init.releasePort(this.#port)
  }

  #attempt(send: (sender: Sender) => TransportProblem | undefined): boolean {
    const problem = this.#open() ?? send(this.#sender!)
    if (problem === undefined) {
      this.#failures = 0
      return true
    }
    if (this.#failures++ === 0) this.#init.onProblem(problem)
    if (this.#failures % FAILURES_BEFORE_REOPENING === 0) {
      this.#sender?.close() // its interface or address may have come back as another one
      this.#sender = undefined
    }
    return false
  }

  #open(): TransportProblem | undefined {
    const { transport, path, takePort, releasePort } = this.#init
    for (let tries = 1; this.#sender === undefined; tries++) {
      const opened = transport.open({ path, sourcePort: this.#port, ttl: TTL })
      if (opened.ok) this.#sender = opened.value
      else if (opened.error.code !== 'port-in-use' || tries === PORTS_TRIED) return opened.error
      else {
        const taken = this.#port
        this.#port = takePort()
        releasePort(taken)
      }
    }
    return undefined
  }
}

const TTL = 255 // RFC 5881 §5
const PORTS_TRIED = 16
const FAILURES_BEFORE_REOPENING = 3
const NO_ECHO: TransportProblem = { code: 'refused', detail: 'the transport has no echo on this path' }
