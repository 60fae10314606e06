import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
  collectDefaultMetrics,
} from 'prom-client'
import type { Counter, Gauge, Labels, Metrics, Totals } from '../metrics.ts'

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string
  /** The page a scraper reads, in the Prometheus text format. */
  page(): Promise<string>
}

/** @param processMetrics also the standard ones about memory, CPU and the event loop; @default true */
export function createPrometheusMetrics({
  processMetrics = true,
}: { processMetrics?: boolean } = {}): PrometheusMetrics {
  const registry = new Registry()
  if (processMetrics) collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    contentType: registry.contentType,
    page: () => registry.metrics(),
    counter: ({ name, help, labels = [], collect }) => {
      const add = (by: number, row?: Labels<string>): void =>
        row === undefined ? counter.inc(by) : counter.inc(row, by)
      const counter = new PromCounter<string>({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect && {
          collect: () => {
            counter.reset()
            collect({ set: add } as Totals<never>)
          },
        }),
      })
      return {
        add,
        remove: (row?: Labels<string>) => counter.remove(row ?? {}),
      } as Counter<never>
    },
    gauge: ({ name, help, labels = [], collect }) => {
      const prom = new PromGauge<string>({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect && { collect: () => collect(gauge) }),
      })
      const gauge = {
        set: (value: number, row?: Labels<string>) => (row === undefined ? prom.set(value) : prom.set(row, value)),
        remove: (row?: Labels<string>) => prom.remove(row ?? {}),
        clear: () => prom.reset(),
      } as Gauge<never>
      return gauge
    },
    histogram: ({ name, help, labels = [], buckets }) => {
      const histogram = new PromHistogram<string>({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers,
      })
      return {
        observe: (value: number, row?: Labels<string>) =>
          row === undefined ? histogram.observe(value) : histogram.observe(row, value),
      }
    },
  }
}
