import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { ObjectSet } from './object-set.ts'
import type { Stored } from './store.ts'

const SEED = 7
const OPERATIONS = 5_000

describe(`a set of objects, after ${OPERATIONS} changes (seed ${SEED})`, () => {
  it('finds under every term just the objects that have it', () => {
    const random = new SimRandom(SEED)
    const below = (bound: number): number => Math.floor(random.next() * bound)
    const set = new ObjectSet<readonly string[]>({ term: terms => terms })
    const expected = new Map<string, readonly string[]>()
    for (let i = 0; i < OPERATIONS; i++) {
      const key = `k${below(20)}`
      const value = Array.from({ length: below(4) }, () => `t${below(6)}`)
      if (below(4) === 0) {
        set.drop(key)
        expected.delete(key)
      } else {
        set.put({ key, uid: '', resourceVersion: String(i), value } satisfies Stored<readonly string[]>)
        expected.set(key, value)
      }
      for (let t = 0; t < 6; t++) {
        const having = [...expected.values()].filter(terms => terms.includes(`t${t}`))
        expect(new Set(set.by('term', `t${t}`))).toEqual(new Set(having))
        expect(set.by('term', `t${t}`)).toHaveLength(having.length)
      }
    }
    expect([...set.objects.keys()].sort()).toEqual([...expected.keys()].sort())
  })
})
