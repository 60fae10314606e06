import type { Metrics } from '@metallb-ts/runtime'

/** Nobody scrapes here. */
export const SILENT_METRICS: Metrics = {
  counter: () => ({ add: () => {}, remove: () => {} }),
  gauge: () => ({ set: () => {}, remove: () => {}, clear: () => {} }),
  histogram: () => ({ observe: () => {} }),
}
