/** The bytes ended before the thing they were read as. Decoders catch it at their exported boundary. */
export class ShortReadError extends Error {
  override readonly name = 'ShortReadError'
  readonly wanted: number
  readonly remaining: number

  constructor(wanted: number, remaining: number) {
    super(`wanted ${wanted} octets, ${remaining} left`)
    this.wanted = wanted
    this.remaining = remaining
  }
}

/** Reads big-endian numbers and slices from a fixed window of bytes; cannot leave the window whatever lengths say. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Octets read so far. */
  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number {
    const at = this.#take(1)
    return this.#bytes[at]!
  }

  u16(): number {
    const at = this.#take(2)
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!
  }

  u24(): number {
    const at = this.#take(3)
    return (this.#bytes[at]! << 16) | (this.#bytes[at + 1]! << 8) | this.#bytes[at + 2]!
  }

  u32(): number {
    const at = this.#take(4)
    const b = this.#bytes
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32())
  }

  /** A view of the next `length` octets, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A reader of the next `length` octets: what a length field inside it claims cannot reach past them. */
  window(length: number): ByteReader {
    return new ByteReader(this.bytes(length))
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }

  skip(length: number): void {
    this.#take(length)
  }

  #take(length: number): number {
    if (!(length >= 0 && length <= this.remaining)) throw new ShortReadError(length, this.remaining)
    const at = this.#offset
    this.#offset += length
    return at
  }
}

/** Writes big-endian numbers into a buffer that grows up to a stated limit, past which it throws a RangeError. */
export class ByteWriter {
  #bytes: Uint8Array
  #length = 0
  readonly #limit: number

  /** @param limit most octets this writer may hold; @default 65535 */
  constructor({ limit = 65_535, initial = 64 }: { limit?: number; initial?: number } = {}) {
    this.#limit = limit
    this.#bytes = new Uint8Array(Math.min(initial, limit))
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value
    return this
  }

  u24(value: number): this {
    const at = this.#grow(3)
    this.#bytes[at] = value >>> 16
    this.#bytes[at + 1] = value >>> 8
    this.#bytes[at + 2] = value
    return this
  }

  u32(value: number): this {
    const at = this.#grow(4)
    this.#bytes[at] = value >>> 24
    this.#bytes[at + 1] = value >>> 16
    this.#bytes[at + 2] = value >>> 8
    this.#bytes[at + 3] = value
    return this
  }

  u64(value: bigint): this {
    return this.u32(Number((value >> 32n) & 0xffff_ffffn)).u32(Number(value & 0xffff_ffffn))
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  zeros(count: number): this {
    const at = this.#grow(count)
    this.#bytes.fill(0, at, at + count)
    return this
  }

  /** Overwrites two octets written before: for lengths known only afterwards. */
  patchU16(offset: number, value: number): this {
    if (!(offset >= 0 && offset + 2 <= this.#length)) throw new RangeError(`nothing written at ${offset}`)
    this.#bytes[offset] = value >>> 8
    this.#bytes[offset + 1] = value
    return this
  }

  patchU8(offset: number, value: number): this {
    if (!(offset >= 0 && offset < this.#length)) throw new RangeError(`nothing written at ${offset}`)
    this.#bytes[offset] = value
    return this
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  // Returns the old length and replaces the array first: `this.#bytes[this.#grow(1)] = v` would write into the old one.
  #grow(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#limit) throw new RangeError(`${needed} octets exceed the limit of ${this.#limit}`)
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    this.#length = needed
    return at
  }
}
