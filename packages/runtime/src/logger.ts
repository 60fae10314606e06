/** The six levels of `--log-level`, from everything to nothing. */
export const LOG_LEVELS = ['all', 'debug', 'info', 'warn', 'error', 'none'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export type Severity = 'debug' | 'info' | 'warn' | 'error'

export type LogFields = Readonly<Record<string, unknown>>

/** A line is an event's name and its fields. `error` asks a person to act, `warn` blames a peer, `debug` is a retry. */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** The same logger with fields that every line carries. */
  child(fields: LogFields): Logger
}

export function isLogged(severity: Severity, level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(severity) >= LOG_LEVELS.indexOf(level)
}

/** A logger over one function that writes a line. */
export function createLogger(
  write: (severity: Severity, event: string, fields: LogFields) => void,
  fields: LogFields = {},
): Logger {
  const line = (severity: Severity) => (event: string, more?: LogFields) => {
    write(severity, event, { ...fields, ...more })
  }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: more => createLogger(write, { ...fields, ...more }),
  }
}

export const SILENT_LOGGER: Logger = createLogger(() => {})
