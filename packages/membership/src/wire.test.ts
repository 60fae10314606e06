import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHeartbeat, encodeHeartbeat, type Heartbeat } from './index.ts'
import { memberKey, secretCipher } from './node/index.ts'

const heartbeat = fc.record<Heartbeat>({
  node: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }),
  boot: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  sequence: fc.nat({ max: 0xffff_ffff }),
  isReady: fc.boolean(),
  isLeaving: fc.boolean(),
  heard: fc
    .array(fc.tuple(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 0xffff })), { maxLength: 220 })
    .map(pairs => new Map(pairs)),
  edition: fc.nat({ max: 0xffff_ffff }),
})

describe('heartbeats', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(heartbeat, one => {
        expect(decodeHeartbeat(encodeHeartbeat(one))).toEqual(one)
      }),
    )
  })

  test('who was heard under an earlier start is named, and of whom was heard as many as still fit', () => {
    const heard = new Map(Array.from({ length: 220 }, (_, i) => [i, i]))
    const outdated = new Map(Array.from({ length: 9 }, (_, i) => [i, Number.MAX_SAFE_INTEGER - i]))
    const one = { node: 'n'.repeat(255), boot: 1, sequence: 1, isReady: true, isLeaving: false, heard, outdated }
    const bytes = encodeHeartbeat(one)
    expect(bytes.length).toBeLessThanOrEqual(1_600)
    expect(decodeHeartbeat(bytes)).toEqual({
      ...one,
      edition: 0,
      heard: new Map([...heard].slice(0, 204)),
      outdated: new Map([...outdated].slice(0, 8)),
    })
  })

  test('any bytes at all are survived', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void decodeHeartbeat(bytes)),
      { numRuns: 20_000 },
    )
  })
})

describe('the cipher', () => {
  const ours = secretCipher('a-secret-of-22-letters')

  test('the key is MetalLB’s: the secret, then the digest of nothing, 32 octets', () => {
    expect(memberKey('a-secret-of-22-letters').toString('latin1').slice(0, 22)).toBe('a-secret-of-22-letters')
    expect(memberKey('a-secret-of-22-letters').subarray(22).toString('hex')).toBe('e3b0c44298fc1c149afb')
  })

  test('what is sealed opens under the same key only, and not when it was changed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), (plain, at) => {
        const sealed = ours.seal(plain)
        expect(Uint8Array.from(ours.open(sealed)!)).toEqual(plain)
        expect(secretCipher('another').open(sealed)).toBeUndefined()
        const changed = Uint8Array.from(sealed)
        changed[at % changed.length]! ^= 1
        expect(ours.open(changed)).toBeUndefined()
      }),
    )
  })
})
