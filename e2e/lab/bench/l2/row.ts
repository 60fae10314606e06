import type { Seen } from './segment.ts'

export type Row = Readonly<Record<string, string | number>>

export interface Measured {
  readonly what: string
  readonly who: string
  readonly nodes: number
  readonly addresses: number
}

/** One row of what clients saw, over some rounds of the same. */
export function rowOf({ what, who, nodes, addresses }: Measured, seen: readonly Seen[]): Row {
  const gaps = seen.map(({ gapMs }) => gapMs).sort((a, b) => a - b)
  const most = (of: (one: Seen) => number): number => Math.max(...seen.map(of))
  return {
    'what happens to the owner': what,
    of: who,
    nodes,
    addresses,
    rounds: seen.length,
    'gap p50 ms': gaps[Math.floor(gaps.length / 2)]!,
    'gap max ms': gaps.at(-1)!,
    'no ARP answer, max ms': most(({ arpSilentMs }) => arpSilentMs),
    'two answer, max ms': most(({ doubleMs }) => doubleMs),
    'addresses answered by two': most(({ doubled }) => doubled),
  }
}
