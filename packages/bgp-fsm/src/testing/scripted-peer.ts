import type { Address } from '@metallb-ts/netip'
import type { Connection, ConnectionHandlers, DialOptions, Transport } from '../transport.ts'
import type { CodecContext } from '../wire/attributes.ts'
import { unicast } from '../wire/capabilities.ts'
import { Framer } from '../wire/framer.ts'
import { decodeMessage, encodeMessage, KEEPALIVE, type Message } from '../wire/message.ts'
import type { Open } from '../wire/open.ts'

/** A peer that does exactly what a test says: it answers nothing by itself. Time and order are the test's. */
export class ScriptedPeer {
  readonly address: Address
  readonly localAddress: Address
  /** Dials that wait for `connect` or `refuse`, with what was asked for. */
  readonly dials: { readonly options: DialOptions; connect(): void; refuse(reason?: string): void }[] = []
  /** Everything the speaker said on the current connection, whole messages. */
  readonly messages: Message[] = []
  readonly frames: Uint8Array[] = []
  /** How messages are read; set it to what was agreed on. */
  codec: CodecContext = { fourOctetAs: true, internal: false }
  isClosed = false
  /** While true, `write` asks for a pause. */
  isFull = false
  #handlers: ConnectionHandlers | undefined
  #accept: ((connection: Connection) => ConnectionHandlers | undefined) | undefined
  #framer = new Framer()

  constructor(address: Address, localAddress: Address) {
    this.address = address
    this.localAddress = localAddress
  }

  /** What the speaker under test takes. */
  get transport(): Transport {
    return {
      dial: (options, { opened, failed }) => {
        let isOver = false
        const once = (act: () => void) => (): void => {
          if (isOver) return
          isOver = true
          act()
        }
        const dial = {
          options,
          connect: once(() => {
            const connection = this.#connection()
            this.#handlers = opened(connection)
          }),
          refuse: (reason = 'connection refused') => once(() => failed(reason))(),
        }
        this.dials.push(dial)
        return { cancel: once(() => {}) }
      },
      listen: (_options, accept) => {
        this.#accept = accept
        return Promise.resolve({
          setKeys: () => {},
          close: () => {
            this.#accept = undefined
            return Promise.resolve()
          },
        })
      },
    }
  }

  /** Takes the newest dial. */
  connect(): void {
    const dial = this.dials.at(-1)
    if (dial === undefined) throw new RangeError('the speaker has not dialled')
    dial.connect()
  }

  /** Opens a connection of its own; false when the speaker refuses. */
  dialIn(): boolean {
    const handlers = this.#accept?.(this.#connection())
    if (handlers === undefined) return false
    this.#handlers = handlers
    return true
  }

  send(...messages: readonly Message[]): void {
    for (const message of messages) this.sendBytes(encodeMessage(message, this.codec))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#handlers?.received(bytes)
  }

  /** Reads again after `isFull`. */
  drain(): void {
    this.isFull = false
    this.#handlers?.drained()
  }

  close(reason = 'the peer closed it'): void {
    const handlers = this.#handlers
    this.#handlers = undefined
    handlers?.closed(reason)
  }

  /** The plain way to established: connection, OPEN, KEEPALIVE. */
  establish(open: Partial<Open> & Pick<Open, 'asn'>): void {
    this.connect()
    this.greet(open)
  }

  greet(open: Partial<Open> & Pick<Open, 'asn'>): void {
    this.send(scriptedOpen(open), KEEPALIVE)
  }

  /** What was said since the last call. */
  take(): Message[] {
    return this.messages.splice(0)
  }

  #connection(): Connection {
    this.messages.length = 0
    this.frames.length = 0
    this.isClosed = false
    this.#framer = new Framer()
    this.#framer.allowExtended()
    let isOver = false
    return {
      localAddress: this.localAddress,
      remoteAddress: this.address,
      write: bytes => {
        this.#framer.push(bytes, frame => {
          this.frames.push(frame.slice())
          const decoded = decodeMessage(frame, this.codec)
          if (decoded.ok) this.messages.push(decoded.message)
          return true
        })
        return !this.isFull
      },
      close: () => {
        if (isOver) return
        isOver = true
        this.isClosed = true
        const handlers = this.#handlers
        this.#handlers = undefined
        handlers?.closed('closed')
      },
    }
  }
}

/** An OPEN of a peer that offers IPv4 and IPv6 and four-octet AS numbers, unless told otherwise. */
export function scriptedOpen({ asn, ...more }: Partial<Open> & Pick<Open, 'asn'>): Open {
  return {
    type: 'open',
    asn,
    holdTime: 90,
    routerId: 0xc0000201,
    capabilities: [unicast('ipv4'), unicast('ipv6'), { kind: 'route-refresh' }, { kind: 'four-octet-as', asn }],
    ...more,
  }
}
