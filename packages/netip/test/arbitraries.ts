import fc from 'fast-check'
import { maskedPrefix, type Address, type AddressRange, type Family, type Mac, type Prefix } from '../src/index.ts'

export const families: fc.Arbitrary<Family> = fc.constantFrom('ipv4', 'ipv6')

/** Addresses with runs of zeros and ones, where text forms and masks go wrong. */
export function addresses(family: fc.Arbitrary<Family> = families): fc.Arbitrary<Address> {
  return family.chain(family => {
    const [words, bits] = family === 'ipv4' ? [4, 8n] : [8, 16n]
    const word = fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constant((1 << Number(bits)) - 1) },
      { weight: 3, arbitrary: fc.nat((1 << Number(bits)) - 1) },
    )
    return fc
      .array(word, { minLength: words, maxLength: words })
      .map(all => ({ family, value: all.reduce((value, next) => (value << bits) | BigInt(next), 0n) }))
  })
}

export const prefixes: fc.Arbitrary<Prefix> = addresses().chain(address =>
  fc.nat(address.family === 'ipv4' ? 32 : 128).map(length => maskedPrefix(address, length)),
)

export const ranges: fc.Arbitrary<AddressRange> = families.chain(family =>
  fc
    .tuple(addresses(fc.constant(family)), addresses(fc.constant(family)))
    .map(([a, b]) => (a.value <= b.value ? { first: a, last: b } : { first: b, last: a })),
)

export const macs: fc.Arbitrary<Mac> = fc.nat(2 ** 48 - 1).map(value => value as Mac)
