import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHoldings, encodeHoldings, type HoldingsMessage } from './holdings-wire.ts'

const name = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
const common = { node: name, boot: fc.nat({ max: Number.MAX_SAFE_INTEGER }), edition: fc.nat({ max: 0xffff_ffff }) }
const entries = fc.array(fc.tuple(name, fc.constantFrom('held', 'yielding', 'released')), { maxLength: 20 })
const message = fc.oneof(
  fc.record({ type: fc.constant('changed' as const), ...common, entries }),
  fc.record({ type: fc.constant('whole' as const), ...common, part: fc.nat(3), parts: fc.constant(4), entries }),
  fc.record({ type: fc.constant('asked' as const), node: name }),
)

describe('messages of holdings', () => {
  it('what is written is read', () => {
    fc.assert(
      fc.property(message, one => {
        expect(decodeHoldings(encodeHoldings(one as HoldingsMessage))).toEqual(one)
      }),
    )
  })

  it('any bytes at all are survived', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void decodeHoldings(Uint8Array.of(3, ...bytes))),
      { numRuns: 20_000 },
    )
  })
})
