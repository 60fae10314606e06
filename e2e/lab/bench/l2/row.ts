import type { Seen } from './seen.ts'

export type Row = Readonly<Record<string, string | number>>

export interface Measured {
  readonly what: string
  readonly who: string
  readonly nodes: number
  readonly addresses: number
}

/** One row of what clients saw, over some rounds of the same. */
export function rowOf({ what, who, nodes, addresses }: Measured, seen: readonly Seen[]): Row {
  const gaps = sorted(seen, ({ gapMs }) => gapMs)
  const silences = sorted(seen, ({ arpSilentMs }) => arpSilentMs)
  return {
    'what happens to the owner': what,
    of: who,
    nodes,
    addresses,
    rounds: seen.length,
    'gap p50 ms': share(gaps, 0.5),
    'gap p95 ms': share(gaps, 0.95),
    'gap max ms': gaps.at(-1)!,
    'no ARP answer p50 ms': share(silences, 0.5),
    'no ARP answer max ms': silences.at(-1)!,
    'two answer, max ms': sorted(seen, ({ doubleMs }) => doubleMs).at(-1)!,
    'addresses answered by two': sorted(seen, ({ doubled }) => doubled).at(-1)!,
  }
}

function sorted(seen: readonly Seen[], of: (one: Seen) => number): readonly number[] {
  return seen.map(of).sort((a, b) => a - b)
}

function share(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))]!
}
