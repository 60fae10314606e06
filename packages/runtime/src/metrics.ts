/** Where numbers about the process are kept for whoever scrapes them. */
export interface Metrics {
  counter<Label extends string = never>(definition: CounterDefinition<Label>): Counter<Label>
  gauge<Label extends string = never>(definition: GaugeDefinition<Label>): Gauge<Label>
  histogram<Label extends string = never>(definition: HistogramDefinition<Label>): Histogram<Label>
}

export interface MetricDefinition<Label extends string> {
  /** Full name as scraped, unit included: `metallb_layer2_requests_received`. */
  readonly name: string
  readonly help: string
  readonly labels?: readonly Label[]
}

export interface CounterDefinition<Label extends string> extends MetricDefinition<Label> {
  /** Called at every scrape, for what is counted elsewhere: says every row anew. */
  readonly collect?: (totals: Totals<Label>) => void
}

export interface GaugeDefinition<Label extends string> extends MetricDefinition<Label> {
  /** Called at every scrape, for numbers that are kept elsewhere. */
  readonly collect?: (gauge: Gauge<Label>) => void
}

export interface HistogramDefinition<Label extends string> extends MetricDefinition<Label> {
  /** Upper bounds, ascending, in the unit that the name says. */
  readonly buckets: readonly number[]
}

export type Labels<Label extends string> = Readonly<Record<Label, string>>

type LabelArguments<Label extends string> = [Label] extends [never] ? [] : [labels: Labels<Label>]

export interface Counter<Label extends string> {
  /** @param by 0 or more */
  add(by: number, ...labels: LabelArguments<Label>): void
  remove(...labels: LabelArguments<Label>): void
}

export interface Totals<Label extends string> {
  /** @param total 0 or more, since the process began */
  set(total: number, ...labels: LabelArguments<Label>): void
}

export interface Gauge<Label extends string> {
  set(value: number, ...labels: LabelArguments<Label>): void
  remove(...labels: LabelArguments<Label>): void
  /** Drops every row. */
  clear(): void
}

export interface Histogram<Label extends string> {
  observe(value: number, ...labels: LabelArguments<Label>): void
}
