/** Frames on a stream: two octets of length, then the frame. */
export function framed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + frame.length)
  bytes[0] = frame.length >> 8
  bytes[1] = frame.length & 0xff
  bytes.set(frame, 2)
  return bytes
}

/** Takes frames out of a stream's octets as they come. */
export class FrameReader {
  readonly buffer: Buffer = Buffer.alloc(BUFFER)
  #filled = 0

  /** Where the next octets go. */
  get filled(): number {
    return this.#filled
  }

  /** So many octets came at `filled`. Frames are valid only during the call; one too long for the buffer ends the stream. */
  take(length: number, onFrame: (frame: Uint8Array) => void): 'ok' | 'too-long' {
    this.#filled += length
    let at = 0
    while (this.#filled - at >= 2) {
      const size = this.buffer.readUInt16BE(at)
      if (size > LONGEST_FRAME) return 'too-long'
      if (this.#filled - at < 2 + size) break
      onFrame(this.buffer.subarray(at + 2, at + 2 + size))
      at += 2 + size
    }
    this.buffer.copyWithin(0, at, this.#filled)
    this.#filled -= at
    return 'ok'
  }
}

const BUFFER = 65_536
const LONGEST_FRAME = 2_048 // ARP and neighbor messages are far shorter
