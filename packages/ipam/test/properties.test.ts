import { address, addressesOfRange, formatAddress, rangeContains, type Address, type Family } from '@metallb-ts/netip'
import { describe, test, vi } from 'vitest'
import {
  Allocator,
  type AllocationRequest,
  type Ensured,
  type FamilyUsage,
  type Pool,
  type PoolUsage,
  type Quarantined,
} from '../src/index.ts'
import { isUsable, NaiveAllocator } from './naive-allocator.ts'
import { Dice, randomAction, randomPools, randomQuarantine, randomRequest, type Action } from './sequences.ts'

vi.setConfig({ testTimeout: 300_000 })

/** How many times the sequences of this file are run, each time other ones: `SEQUENCES=10` for more than a million. */
const TIMES = Number(process.env['SEQUENCES'] ?? 1)

/** Runs seeds one after another; the seed of a failure is in its message. */
function forEachSeed(count: number, run: (dice: Dice) => void): void {
  for (let seed = 1; seed <= count * TIMES; seed++) {
    try {
      run(new Dice(seed))
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
}

function fail(what: string, facts: unknown): never {
  throw new Error(`${what}: ${text(facts)}`)
}

function text(facts: unknown): string {
  return JSON.stringify(facts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

function addressesOf(allocator: Allocator, holder: string): string {
  return (allocator.assignment(holder)?.addresses ?? []).map(formatAddress).join()
}

function play(allocator: Allocator, action: Action): Ensured | readonly unknown[] {
  switch (action.do) {
    case 'ensure':
      return allocator.ensure(action.holder, action.request)
    case 'release':
      return allocator.release(action.holder)
    case 'set-pools':
      return allocator.setPools(action.pools)
    case 'set-quarantine':
      return allocator.setQuarantine(action.entries)
  }
}

function playPlainly(naive: NaiveAllocator, action: Action): void {
  switch (action.do) {
    case 'ensure':
      return void naive.ensure(action.holder, action.request)
    case 'release':
      return naive.release(action.holder)
    case 'set-pools':
      return void naive.setPools(action.pools)
    case 'set-quarantine':
      return naive.setQuarantine(action.entries)
  }
}

function shuffled<T>(items: readonly T[], dice: Dice): readonly T[] {
  return items
    .map(item => ({ item, at: dice.below(1_000_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

const HOLDERS = Array.from({ length: 9 }, (_, i) => `h${i}`)

describe('properties over random sequences', () => {
  test('answers are those of an allocator that walks every address (25 000 sequences)', () => {
    forEachSeed(25_000, dice => {
      const ours = new Allocator()
      const naive = new NaiveAllocator()
      const pools = randomPools(dice)
      ours.setPools(pools)
      naive.setPools(pools)
      for (let i = 0; i < 10; i++) {
        const action = randomAction(dice)
        play(ours, action)
        playPlainly(naive, action)
        for (const holder of 'holder' in action ? [action.holder] : HOLDERS) {
          const expected = naive.addressesOf(holder).map(formatAddress).join()
          const got = addressesOf(ours, holder)
          if (got !== expected) fail('differs', { step: i, action, holder, got, expected })
        }
      }
    })
  })

  test('no address is held twice unless sharing says so, no port twice, and usage adds up (25 000 sequences)', () => {
    forEachSeed(25_000, dice => {
      const allocator = new Allocator()
      let pools = randomPools(dice)
      let quarantine: readonly Quarantined[] = []
      allocator.setPools(pools)
      const requests = new Map<string, AllocationRequest>()
      for (let i = 0; i < 10; i++) {
        const action = randomAction(dice)
        play(allocator, action)
        if (action.do === 'ensure') requests.set(action.holder, action.request)
        if (action.do === 'set-pools') pools = action.pools
        if (action.do === 'set-quarantine') quarantine = action.entries
      }
      const held = new Map<string, AllocationRequest[]>()
      for (const [holder, request] of requests) {
        for (const address of allocator.assignment(holder)?.addresses ?? []) {
          const text = formatAddress(address)
          held.set(text, [...(held.get(text) ?? []), request])
        }
      }
      for (const [address, sharers] of held) checkSharers(address, sharers)
      const counted = pools.map(pool => plainUsage(pool, new Set(held.keys()), quarantine))
      if (text(allocator.usage()) !== text(counted)) fail('usage', { usage: allocator.usage(), counted })
    })
  })

  test('releasing restores: after a release everything is as if the holder had never been (15 000 sequences)', () => {
    forEachSeed(15_000, dice => {
      const [one, other] = [new Allocator(), new Allocator()]
      const pools = randomPools(dice)
      const before = Array.from({ length: 6 }, () => ({ holder: `h${dice.below(5)}`, request: randomRequest(dice) }))
      for (const allocator of [one, other]) {
        allocator.setPools(pools)
        for (const { holder, request } of before) allocator.ensure(holder, request)
      }
      for (let i = 0; i < 4; i++) one.ensure(`guest${i}`, randomRequest(dice))
      for (let i = 0; i < 4; i++) one.release(`guest${i}`)
      const next = randomRequest(dice)
      one.ensure('next', next)
      other.ensure('next', next)
      if (addressesOf(one, 'next') !== addressesOf(other, 'next')) fail('differs', { next })
      if (text(one.usage()) !== text(other.usage())) fail('usage', { one: one.usage(), other: other.usage() })
    })
  })

  test('adopting in any order, then ensuring in any order, moves nobody (15 000 sequences)', () => {
    forEachSeed(15_000, dice => {
      const first = new Allocator()
      const pools = randomPools(dice)
      first.setPools(pools)
      const requests = new Map<string, AllocationRequest>()
      for (let i = 0; i < 8; i++) {
        const [holder, request] = [`h${i}`, randomRequest(dice)]
        if (first.ensure(holder, request).ok) requests.set(holder, request)
      }
      const restarted = new Allocator()
      restarted.setPools(pools)
      const holders = shuffled([...requests.keys()], dice)
      for (const holder of holders) {
        const failure = restarted.adopt(holder, first.assignment(holder)!.addresses, requests.get(holder)!)
        if (failure !== undefined) fail('not adopted', { holder, failure })
      }
      for (const holder of shuffled(holders, dice)) {
        const before = addressesOf(restarted, holder)
        restarted.ensure(holder, requests.get(holder)!)
        if (!addressesOf(restarted, holder).startsWith(before)) fail('moved', { holder, before })
      }
    })
  })

  test('the same state reached in another order gives the same answers, to the last reason (10 000 sequences)', () => {
    forEachSeed(10_000, dice => {
      const first = new Allocator()
      const [pools, quarantine] = [randomPools(dice), randomQuarantine(dice)]
      first.setPools(pools)
      const requests = new Map<string, AllocationRequest>()
      for (let i = 0; i < 8; i++) {
        const [holder, request] = [`h${i}`, randomRequest(dice)]
        if (first.ensure(holder, request).ok) requests.set(holder, request)
      }
      const states = [1, 2].map(() => {
        const allocator = new Allocator()
        const adopt = (holder: string): void =>
          void allocator.adopt(holder, first.assignment(holder)!.addresses, requests.get(holder)!)
        allocator.setPools(shuffled(pools, dice))
        for (const holder of shuffled([...requests.keys()], dice)) adopt(holder)
        for (const holder of shuffled([...requests.keys()], dice).slice(0, dice.below(4))) {
          allocator.release(holder)
          adopt(holder)
        }
        allocator.setQuarantine(shuffled(quarantine, dice))
        return allocator
      })
      for (const holder of ['next', 'h0', 'h7']) {
        const request = randomRequest(dice)
        const [one, other] = states.map(allocator => allocator.ensure(holder, request))
        if (text(one) !== text(other)) fail('differs', { request, one, other })
      }
    })
  })

  test('replacing pools never moves what still fits, and takes only what does not (15 000 sequences)', () => {
    forEachSeed(15_000, dice => {
      const allocator = new Allocator()
      allocator.setPools(randomPools(dice))
      for (let i = 0; i < 8; i++) allocator.ensure(`h${i}`, randomRequest(dice))
      const before = new Map(Array.from({ length: 8 }, (_, i) => [`h${i}`, addressesOf(allocator, `h${i}`)]))
      const pools = randomPools(dice)
      const lost = new Set(allocator.setPools(pools))
      for (const [holder, addresses] of before) {
        const fits = addresses !== '' && liesInOnePool(pools, addresses.split(',').map(address))
        if (lost.has(holder) !== (addresses !== '' && !fits)) fail('lost', { holder, addresses, fits })
        if (fits && addressesOf(allocator, holder) !== addresses) fail('moved', { holder, addresses })
      }
    })
  })
})

/** Counted address by address. */
function plainUsage(pool: Pool, held: ReadonlySet<string>, quarantine: readonly Quarantined[]): PoolUsage {
  const withheld = new Set(quarantine.map(({ address }) => formatAddress(address)))
  const family = (name: Family): FamilyUsage => {
    const all = pool.ranges.filter(({ first }) => first.family === name).flatMap(range => [...addressesOfRange(range)])
    const usable = all.filter(one => isUsable(pool, one)).map(formatAddress)
    return {
      capacity: BigInt(usable.length),
      assigned: BigInt(all.filter(one => held.has(formatAddress(one))).length),
      quarantined: BigInt(usable.filter(text => withheld.has(text) && !held.has(text)).length),
    }
  }
  return { pool: pool.name, ipv4: family('ipv4'), ipv6: family('ipv6') }
}

function liesInOnePool(pools: readonly Pool[], addresses: readonly Address[]): boolean {
  return pools.some(({ ranges }) => addresses.every(one => ranges.some(range => rangeContains(range, one))))
}

function checkSharers(address: string, requests: readonly AllocationRequest[]): void {
  if (requests.length < 2) return
  const [first, ...rest] = requests
  const key = first!.sharing
  if (key === undefined || key.key === '') fail('shared without a key', { address })
  for (const { sharing } of rest) {
    if (sharing?.key !== key.key || sharing.backend !== key.backend) fail('shared on different terms', { address })
  }
  const ports = requests.flatMap(request => request.ports.map(({ protocol, port }) => `${protocol}/${port}`))
  if (new Set(ports).size < ports.length) fail('port used twice', { address, ports })
}
