export { compactHeap, growHeapSlowly } from './even-heap.ts'
export { keepHeapSmall } from './small-heap.ts'
export {
  startHealthServer,
  type Check,
  type HealthServer,
  type HealthServerInit,
  type Page,
  type ServedTls,
} from './health-server.ts'
export { createJsonLogger, type JsonLoggerOptions } from './json-logger.ts'
export { REAL_CLOCK } from './real-clock.ts'
export { realRandom } from './real-random.ts'
export { stopInTime, stopSignal } from './shutdown.ts'
