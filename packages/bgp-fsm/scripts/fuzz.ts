// Ten million inputs through every decoder, from one seed on: `node --conditions=development scripts/fuzz.ts [inputs] [seed]`
import { SimRandom } from '@metallb-ts/runtime/testing'
import { fuzzAdvertisements, fuzzMessages, fuzzSessions, fuzzStreams } from '../test/fuzz/checks.ts'
import { Mutator } from '../test/fuzz/mutate.ts'

const [inputs = 10_000_000, first = 1] = process.argv.slice(2).map(Number)
const A_SEED = 100_000
const start = performance.now()
const outcomes = { valid: 0, mended: 0, refused: 0 }
let tried = 0
for (let seed = first; tried < inputs; seed++) {
  const mutator = new Mutator(new SimRandom(seed))
  const { valid, mended, refused } = fuzzMessages(mutator, A_SEED, seed)
  outcomes.valid += valid
  outcomes.mended += mended
  outcomes.refused += refused
  fuzzStreams(mutator, A_SEED / 20, seed)
  fuzzSessions(mutator, A_SEED / 500, seed)
  fuzzAdvertisements(mutator, A_SEED / 20, seed)
  tried += A_SEED + 2 * (A_SEED / 20) + A_SEED / 500
}
const seconds = Math.round((performance.now() - start) / 1_000)
console.log(`${tried} inputs in ${seconds} s, all survived; of the messages`, outcomes)
