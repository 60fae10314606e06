import { HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPES } from './constants.ts'
import { ERRORS, type Notification } from './notification.ts'
import { plainBytes } from './plain-bytes.ts'

/** Cuts a stream of bytes into frames, judging headers before a body is waited for. Holds one message at most. */
export class Framer {
  #held: Uint8Array = new Uint8Array(0)
  #heldLength = 0
  #limit = MAX_MESSAGE_LENGTH
  #isOver = false

  /** From now on messages may have 65535 octets (RFC 8654). */
  allowExtended(): void {
    this.#limit = MAX_EXTENDED_LENGTH
  }

  /** Octets of a message that is not whole yet. */
  get buffered(): number {
    return this.#heldLength
  }

  /** Hands over whole frames of what has come, in order, until `take` answers false; then the error that ends the stream. */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => boolean): Notification | undefined {
    if (this.#isOver) return undefined
    const bytes = this.#heldLength === 0 ? plainBytes(chunk) : this.#append(chunk)
    let at = 0
    while (bytes.length - at >= HEADER_LENGTH) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      const error = headerError(bytes, at, length, this.#limit)
      if (error !== undefined) {
        this.stop()
        return error
      }
      if (bytes.length - at < length) break
      const frame = bytes.subarray(at, at + length)
      at += length
      if (!take(frame)) this.stop()
      if (this.#isOver) return undefined
    }
    this.#hold(bytes, at)
    return undefined
  }

  /** Nothing of this stream is looked at any more. */
  stop(): void {
    this.#isOver = true
    this.#held = new Uint8Array(0)
    this.#heldLength = 0
  }

  #append(chunk: Uint8Array): Uint8Array {
    const needed = this.#heldLength + chunk.length
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#held.length))
      grown.set(this.#held.subarray(0, this.#heldLength))
      this.#held = grown
    }
    this.#held.set(chunk, this.#heldLength)
    this.#heldLength = needed
    return this.#held.subarray(0, needed)
  }

  #hold(bytes: Uint8Array, from: number): void {
    const isHeld = this.#heldLength > 0
    if (!isHeld || from > 0) this.#held = bytes.slice(from)
    this.#heldLength = bytes.length - from
  }
}

/** RFC 4271 §6.1, from the nineteen octets alone. */
function headerError(bytes: Uint8Array, at: number, length: number, limit: number): Notification | undefined {
  for (let i = 0; i < 16; i++) if (bytes[at + i] !== 0xff) return ERRORS.notSynchronized()
  const type = bytes[at + 18]!
  const bounds = LENGTHS[type]
  if (bounds === undefined)
    return length < HEADER_LENGTH || length > limit ? ERRORS.badLength(length) : ERRORS.badType(type)
  const most = Math.min(bounds.most ?? limit, limit)
  return length < bounds.least || length > most ? ERRORS.badLength(length) : undefined
}

/** RFC 4271 §4, RFC 2918 §3; OPEN and KEEPALIVE never grow (RFC 8654 §4). */
const LENGTHS: Readonly<Record<number, { readonly least: number; readonly most?: number }>> = {
  [MESSAGE_TYPES.open]: { least: 29, most: MAX_MESSAGE_LENGTH },
  [MESSAGE_TYPES.update]: { least: 23 },
  [MESSAGE_TYPES.notification]: { least: 21 },
  [MESSAGE_TYPES.keepalive]: { least: 19, most: 19 },
  [MESSAGE_TYPES['route-refresh']]: { least: 23 },
}
