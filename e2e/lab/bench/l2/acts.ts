import { rowOf, type Measured, type Row } from './row.ts'
import type { Segment } from './segment.ts'
import type { Seen } from './seen.ts'

/** Something that happens, and for how long the client looks. */
export interface Act {
  readonly what: string
  readonly do: () => unknown
  readonly lookMs: number
}

/** The acts in their order, so many times; a row each. Between them the segment comes to rest. */
export async function measureActs(
  segment: Segment,
  target: string,
  about: Omit<Measured, 'what'>,
  acts: readonly Act[],
  rounds: number,
): Promise<readonly Row[]> {
  const seen = new Map<string, Seen[]>(acts.map(({ what }) => [what, []]))
  for (let round = 0; round < rounds; round++) {
    for (const act of acts) {
      await segment.settle(target, about.addresses)
      seen.get(act.what)!.push(await segment.during(target, about.addresses, act.do, act.lookMs))
    }
  }
  const rows = [...seen].map(([what, each]) => rowOf({ what, ...about }, each))
  for (const row of rows) process.stderr.write(`${Object.values(row).join(' | ')}\n`)
  return rows
}
