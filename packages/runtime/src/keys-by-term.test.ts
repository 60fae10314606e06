import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeysByTerm } from './keys-by-term.ts'

test('keys are found under every term that they are filed under, and under no other', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const change = fc.record({ term: name, key: name, isFiled: fc.boolean() })
  fc.assert(
    fc.property(fc.array(change), changes => {
      const keys = new KeysByTerm()
      const expected: Record<string, Set<string>> = { a: new Set(), b: new Set(), c: new Set() }
      for (const { term, key, isFiled } of changes) {
        if (isFiled) keys.file(term, key)
        else keys.unfile(term, key)
        if (isFiled) expected[term]!.add(key)
        else expected[term]!.delete(key)
        for (const each of ['a', 'b', 'c']) expect(new Set(keys.of(each))).toEqual(expected[each])
      }
    }),
  )
})
