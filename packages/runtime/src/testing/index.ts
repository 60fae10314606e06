export { memoryLogger, type LogLine } from './memory-logger.ts'
export { SimClock } from './sim-clock.ts'
export { SimRandom } from './sim-random.ts'
