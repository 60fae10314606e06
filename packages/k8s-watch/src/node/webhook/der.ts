/** One DER value: a tag, a length and what is inside (ITU-T X.690 §8, §10). */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content])
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts)
}

/** A set of one. */
export function set(part: Uint8Array): Buffer {
  return der(0x31, part)
}

/** Tag [n], constructed. */
export function tagged(n: number, ...parts: readonly Uint8Array[]): Buffer {
  return der(0xa0 | n, ...parts)
}

/** A positive integer from its octets. */
export function integer(octets: Uint8Array): Buffer {
  const first = octets.findIndex(octet => octet !== 0)
  const significant = first < 0 ? Buffer.from([0]) : octets.subarray(first)
  return der(0x02, ...(significant[0]! >= 0x80 ? [Buffer.from([0])] : []), significant)
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

export function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text, 'utf8'))
}

export function octets(content: Uint8Array): Buffer {
  return der(0x04, content)
}

/** Whole octets of bits. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return der(0x03, Buffer.from([unused]), content)
}

export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]))
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

function base128(value: number): readonly number[] {
  const groups = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80)
  return groups
}
