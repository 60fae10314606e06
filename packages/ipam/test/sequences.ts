import { address, range, type Address, type Family } from '@metallb-ts/netip'
import type { AllocationRequest, Pool, Quarantined } from '../src/index.ts'

/** Seeded chance (mulberry32) that draws whole numbers, picks and calls. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

export type Action =
  | { readonly do: 'ensure'; readonly holder: string; readonly request: AllocationRequest }
  | { readonly do: 'release'; readonly holder: string }
  | { readonly do: 'set-pools'; readonly pools: readonly Pool[] }
  | { readonly do: 'set-quarantine'; readonly entries: readonly Quarantined[] }

/** Small pools, few holders, few ports and keys: everything meets everything soon. */
export function randomAction(dice: Dice): Action {
  const holder = `h${dice.below(9)}`
  const kind = dice.below(20)
  if (kind === 0) return { do: 'set-pools', pools: randomPools(dice) }
  if (kind === 1) return { do: 'set-quarantine', entries: randomQuarantine(dice) }
  if (kind < 6) return { do: 'release', holder }
  return { do: 'ensure', holder, request: randomRequest(dice) }
}

export function randomPools(dice: Dice): readonly Pool[] {
  const cut = 1 + dice.below(6)
  const pools: Pool[] = [
    {
      name: dice.pick(['a', 'a', 'a2']),
      ranges: [range(`192.0.2.${252 + dice.below(2)}-192.0.3.${dice.below(3)}`), range('2001:db8::4-2001:db8::5')],
      avoidBuggyIPs: dice.below(3) === 0,
    },
    {
      name: 'b',
      ranges: [range(`198.51.100.${8 + cut}-198.51.100.16`), range(`198.51.100.0-198.51.100.${cut}`)],
      ...(dice.below(2) === 0 && {
        excluded: [range('198.51.100.1-198.51.100.2'), range(`198.51.100.${10 + cut}/32`)],
      }),
    },
    { name: 'c', ranges: [range('2001:db8:1::/127'), range('203.0.113.0/31')] },
  ]
  return pools.filter(() => dice.below(5) > 0)
}

export function randomQuarantine(dice: Dice): readonly Quarantined[] {
  const all = [...FOUR, ...SIX].filter(() => dice.below(3) === 0)
  return all.map(text => ({ address: address(text), reason: 'taken', moves: dice.below(2) === 0 }))
}

export function randomRequest(dice: Dice): AllocationRequest {
  const families = dice.pick<readonly Family[]>([['ipv4'], ['ipv4'], ['ipv6'], ['ipv4', 'ipv6'], ['ipv6', 'ipv4']])
  const policy = dice.pick(['single', 'prefer-dual', 'prefer-dual', 'require-dual'] as const)
  const key = dice.pick(['', 'k', 'k', 'l', undefined, undefined])
  const ports = [...new Set([1 + dice.below(4), 1 + dice.below(4)])].map(port => ({
    protocol: dice.pick(['TCP', 'UDP']),
    port,
  }))
  return {
    families,
    familyPolicy: policy,
    tiers: dice.pick([[['a', 'a2', 'b', 'c']], [['b'], ['a', 'c']], [['c', 'b']]]),
    refused:
      dice.below(6) === 0 ? [{ pool: 'b', because: { code: 'not-selected' }, evenByName: dice.below(2) === 0 }] : [],
    ports,
    ...(key !== undefined && { sharing: { key, backend: dice.pick(['', '', 'app=x']) } }),
    ...(dice.below(8) === 0 && { pool: dice.pick(['a', 'b', 'c', 'gone']) }),
    ...(dice.below(8) === 0 && { addresses: randomAddresses(dice) }),
  }
}

function randomAddresses(dice: Dice): readonly Address[] {
  return dice.pick([[dice.pick(FOUR)], [dice.pick(SIX)], [dice.pick(FOUR), dice.pick(SIX)]]).map(address)
}

const FOUR = ['192.0.2.254', '192.0.3.0', '198.51.100.1', '198.51.100.3', '203.0.113.1', '10.0.0.1']
const SIX = ['2001:db8::4', '2001:db8:1::1', '2001:db8:2::']
