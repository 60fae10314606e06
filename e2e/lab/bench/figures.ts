/** One line of a table of docs/benchmarks. */
export type Row = Readonly<Record<string, string | number>>

/** The numbers that a benchmark was started with, or those that it is meant for. */
export function countsGiven(meant: readonly number[]): readonly number[] {
  const given = process.argv.slice(2).map(Number)
  return given.length > 0 ? given.filter(count => count >= 0) : meant
}

/** The value below which a share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

/** To hundredths. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

/** What tools/bench.ts reads. */
export function report(benchmark: string, rows: readonly Row[]): void {
  process.stdout.write(`${JSON.stringify({ benchmark, rows }, undefined, 2)}\n`)
}
