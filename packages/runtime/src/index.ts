export { backoffDelay, type BackoffPolicy } from './backoff.ts'
export { delay, type Clock, type Timer } from './clock.ts'
export { failed, Failure, invariant, InvariantError, ok, unreachable, type Blame, type Result } from './failure.ts'
export { KeysByTerm } from './keys-by-term.ts'
export { stopAll, type Startable } from './lifecycle.ts'
export {
  createLogger,
  isLogged,
  LOG_LEVELS,
  SILENT_LOGGER,
  type LogFields,
  type Logger,
  type LogLevel,
  type Severity,
} from './logger.ts'
export {
  MachineRunner,
  type MachineComponents,
  type MachineInit,
  type Step,
  type Stepper,
  type TimerEffect,
} from './machine.ts'
export {
  type Counter,
  type CounterDefinition,
  type Gauge,
  type GaugeDefinition,
  type Histogram,
  type HistogramDefinition,
  type Labels,
  type MetricDefinition,
  type Metrics,
  type Totals,
} from './metrics.ts'
export {
  booleanOption,
  choiceOption,
  integerOption,
  optionsHelp,
  readOptions,
  textOption,
  type OptionDefinition,
  type OptionDefinitions,
  type OptionProblem,
  type OptionValues,
} from './options.ts'
export { jittered, randomInteger, type Random } from './random.ts'
export { RestAfterWork, type RestParts } from './rest-after-work.ts'
export {
  meaninglessOption,
  PROCESS_OPTIONS,
  readProcessOptions,
  tlsSettings,
  type ProcessOptions,
  type ProcessOptionsInit,
  type TlsSettings,
  type TlsVersion,
} from './process-options.ts'
