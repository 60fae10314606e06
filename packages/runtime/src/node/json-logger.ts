import { createLogger, isLogged, type Logger, type LogFields, type LogLevel } from '../logger.ts'

export interface JsonLoggerOptions {
  readonly level: LogLevel
  /** Takes one line without its newline. @default standard output */
  readonly write?: (line: string) => void
  /** Milliseconds since 1970. @default the machine's */
  readonly wallTime?: () => number
}

/** One JSON object a line: `ts` (RFC 3339), `level`, `event`, then the fields. */
export function createJsonLogger({ level, write = toStandardOutput, wallTime = Date.now }: JsonLoggerOptions): Logger {
  return createLogger((severity, event, fields) => {
    if (isLogged(severity, level))
      write(jsonLine({ ts: new Date(wallTime()).toISOString(), level: severity, event, ...fields }))
  })
}

function toStandardOutput(line: string): void {
  process.stdout.write(`${line}\n`)
}

function jsonLine(fields: LogFields): string {
  return JSON.stringify(fields, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
    if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>)
    if (value instanceof Set) return [...(value as Set<unknown>)]
    return value
  })
}
