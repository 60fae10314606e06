import { createLogger, type LogFields, type Logger, type Severity } from '../logger.ts'

export interface LogLine {
  readonly severity: Severity
  readonly event: string
  readonly fields: LogFields
}

/** A logger whose lines a test can read. */
export function memoryLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const logger = createLogger((severity, event, fields) => void lines.push({ severity, event, fields }))
  return { ...logger, lines }
}
