/** SHA-256 (FIPS 180-4 §6.2) of the octets, 32 of them. Ours, so that an election needs nothing of the platform. */
export function sha256(message: Uint8Array): Uint8Array {
  const hash = INITIAL.slice()
  const padded = pad(message)
  for (let at = 0; at < padded.length; at += 64) compress(hash, padded, at)
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = hash[i >> 2]! >>> (24 - 8 * (i & 3))
  return digest
}

/** §5.1.1: a one bit, zeros, and the length in bits, to a multiple of 64 octets. */
function pad(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64)
  padded.set(message)
  padded[message.length] = 0x80
  const bits = message.length * 8
  for (let i = 1, rest = bits; rest > 0; i++, rest = Math.floor(rest / 256)) padded[padded.length - i] = rest % 256
  return padded
}

/** §6.2.2, one block. */
function compress(hash: Int32Array, bytes: Uint8Array, from: number): void {
  expand(bytes, from)
  let a = hash[0]!
  let b = hash[1]!
  let c = hash[2]!
  let d = hash[3]!
  let e = hash[4]!
  let f = hash[5]!
  let g = hash[6]!
  let h = hash[7]!
  for (let t = 0; t < 64; t++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + big1 + ((e & f) ^ (~e & g)) + K[t]! + schedule[t]!) | 0
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  hash[0]! += a
  hash[1]! += b
  hash[2]! += c
  hash[3]! += d
  hash[4]! += e
  hash[5]! += f
  hash[6]! += g
  hash[7]! += h
}

/** §6.2.2, step 1. */
function expand(bytes: Uint8Array, from: number): void {
  for (let t = 0, at = from; t < 16; t++, at += 4) {
    schedule[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }
  for (let t = 16; t < 64; t++) {
    const x = schedule[t - 15]!
    const y = schedule[t - 2]!
    const small0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const small1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    schedule[t] = small1 + schedule[t - 7]! + small0 + schedule[t - 16]!
  }
}

function rotate(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by))
}

/** Scratch, filled anew for every block. */
const schedule = new Int32Array(64)

/** §4.2.2 and §5.3.3: the first 32 bits of the fractions of roots of the first primes. */
const PRIMES = firstPrimes(64)
const K = Int32Array.from(PRIMES, prime => rootFraction(prime, 3n))
const INITIAL = Int32Array.from(PRIMES.slice(0, 8), prime => rootFraction(prime, 2n))

function firstPrimes(count: number): number[] {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every(prime => n % prime !== 0)) primes.push(n)
  return primes
}

/** floor(frac(root(n)) * 2^32), exactly: the integer root of n * 2^(32 * degree), less its whole part. */
function rootFraction(n: number, degree: bigint): number {
  const scaled = BigInt(n) << (32n * degree)
  let low = 0n
  let high = 1n << 40n
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle ** degree <= scaled) low = middle
    else high = middle
  }
  return Number(low & 0xffff_ffffn)
}
