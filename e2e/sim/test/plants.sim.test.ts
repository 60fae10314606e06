import { describe, expect, test } from 'vitest'
import { INVARIANTS, play, type Plant } from '../src/index.ts'
import {
  announcesNothing,
  answersForTooMuch,
  doesNotReadPools,
  drawsFromTheWorld,
  endsSessions,
  forgetsAssignments,
  givesOneAddressToAll,
  heedsTheLanOnce,
  holdsNoElection,
  leavesRoutesBehind,
  neverBacksOff,
  tellsTooSoon,
} from './plants.ts'

/** A bug is found when one of so many seeds shows it. */
const MOST_SEEDS = 30

/** What breaks the promise, with the first seed that shows it, when nobody watches over the others. */
async function found(name: string, plant: () => Plant): Promise<string | undefined> {
  const invariants = INVARIANTS.filter(invariant => invariant.name === name)
  expect(invariants).toHaveLength(1)
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    const { broken } = await play(seed, { plant: plant(), invariants })
    const breach = broken.find(({ invariant }) => invariant === name)
    if (breach !== undefined) return `seed ${seed}: ${breach.what}`
  }
  return undefined
}

describe('a bug that is planted between a program and the world is found', () => {
  test.each<[name: string, plant: () => Plant]>([
    ['no address is assigned to two Services unless they share it', givesOneAddressToAll],
    ['no speaker announces an address that is not in the status of a Service', answersForTooMuch],
    ['with equal views exactly one candidate owns an address at layer 2', holdsNoElection],
    ['with equal views exactly one candidate owns an address at layer 2', heedsTheLanOnce],
    ['the table answers before the network is told', tellsTooSoon],
    ['withdrawing comes before stopping', leavesRoutesBehind],
    ['nothing is decided before everything that is watched has been read once', doesNotReadPools],
    ['one bad attribute of an UPDATE costs at most the routes of that UPDATE', endsSessions],
    ['restarting any process changes no assignment', forgetsAssignments],
    ['every queue, table, wait and retry has a bound', neverBacksOff],
    ['when nothing stands in the way, everything comes right', announcesNothing],
  ])('%s: %o', async (name, plant) => {
    expect(await found(name, plant)).toMatch(/^seed \d+: /)
  })

  test('the same seed gives the same trace', async () => {
    const [first, second] = [drawsFromTheWorld(), drawsFromTheWorld()]
    const digests = [(await play(1, { plant: first })).trace.digest, (await play(1, { plant: second })).trace.digest]
    expect(digests[0]).not.toBe(digests[1])
  })
})
