import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
  collectDefaultMetrics,
} from 'prom-client'
import type { Counter, Gauge, Labels, Metrics, Totals } from './metrics.ts'

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
  if (processMetrics) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS })
    for (const name of BY_A_TIMER) registry.removeSingleMetric(name)
  }
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

/**
 * What these tell, a timer has to wake the process for, a hundred times a second: more than all else that a process at rest
 * does. `nodejs_eventloop_lag_seconds` stays, which is measured when it is asked for.
 */
const BY_A_TIMER = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  figure => `nodejs_eventloop_lag_${figure}_seconds`,
)
const NEVER_MS = 2 ** 31 - 1
