import { failed, ok, type Result } from './failure.ts'

/** One setting of a process: where it may be given, how its text is read, and what it is when nobody gives it. */
export interface OptionDefinition<Value> {
  /** Without dashes: `log-level`. */
  readonly flag: string
  /** Read when the flag is absent. */
  readonly env?: string
  /** One sentence for `--help`. */
  readonly help: string
  readonly fallback: Value | undefined
  /** A boolean flag may stand alone: `--x` means `--x=true`. */
  readonly mayStandAlone: boolean
  readonly read: (text: string) => Result<Value, string>
}

export type OptionDefinitions = Readonly<Record<string, OptionDefinition<unknown>>>

export type OptionValues<Definitions extends OptionDefinitions> = {
  readonly [Name in keyof Definitions]: Definitions[Name] extends OptionDefinition<infer Value> ? Value : never
}

export interface OptionProblem {
  readonly code: 'unknown-flag' | 'missing-value' | 'bad-value' | 'required' | 'help'
  /** One line that names the flag or variable. */
  readonly sentence: string
}

/** Reads flags (`--x=v`, `--x v`, `-x v`, as Go programs do), then the environment, then defaults. The last flag wins. */
export function readOptions<Definitions extends OptionDefinitions>(
  definitions: Definitions,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<OptionValues<Definitions>, OptionProblem> {
  const given = readFlags(definitions, argv)
  if (!given.ok) return given
  const values: Record<string, unknown> = {}
  for (const [name, definition] of Object.entries(definitions)) {
    const value = readOne(definition, given.value.get(definition.flag), env)
    if (!value.ok) return value
    values[name] = value.value
  }
  return ok(values as OptionValues<Definitions>)
}

/** A page with a line for every flag. */
export function optionsHelp(definitions: OptionDefinitions): string {
  return Object.values(definitions)
    .map(({ flag, env, help, fallback }) => {
      const from = env === undefined ? '' : ` [${env}]`
      const otherwise = fallback === undefined || fallback === '' ? '' : ` (default ${String(fallback)})`
      return `  --${flag}${from}\n        ${help}${otherwise}`
    })
    .join('\n')
}

interface Common<Value> {
  readonly flag: string
  readonly env?: string
  readonly help: string
  readonly fallback?: Value
}

export function textOption(common: Common<string>): OptionDefinition<string> {
  return define(common, text => ok(text))
}

export function integerOption(common: Common<number> & { min: number; max: number }): OptionDefinition<number> {
  const { min, max } = common
  return define(common, text => {
    const value = Number(text)
    const isWhole = /^-?\d+$/.test(text) && value >= min && value <= max
    return isWhole ? ok(value) : failed(`must be a whole number from ${min} to ${max}`)
  })
}

export function choiceOption<Choice extends string>(
  common: Common<Choice> & { choices: readonly Choice[] },
): OptionDefinition<Choice> {
  return define(common, text => {
    const choice = common.choices.find(candidate => candidate === text)
    return choice === undefined ? failed(`must be one of ${common.choices.join(', ')}`) : ok(choice)
  })
}

export function booleanOption(common: Common<boolean>): OptionDefinition<boolean> {
  const read = (text: string): Result<boolean, string> =>
    TRUE.has(text) ? ok(true) : FALSE.has(text) ? ok(false) : failed('must be true or false')
  return { ...define({ fallback: false, ...common }, read), mayStandAlone: true }
}

const TRUE = new Set(['true', '1', 't', 'T', 'TRUE', 'True'])
const FALSE = new Set(['false', '0', 'f', 'F', 'FALSE', 'False'])

function define<Value>(common: Common<Value>, read: (text: string) => Result<Value, string>): OptionDefinition<Value> {
  return { fallback: undefined, ...common, mayStandAlone: false, read }
}

function readFlags(
  definitions: OptionDefinitions,
  argv: readonly string[],
): Result<Map<string, string>, OptionProblem> {
  const byFlag = new Map(Object.values(definitions).map(definition => [definition.flag, definition]))
  const given = new Map<string, string>()
  for (let i = 0; i < argv.length; i++) {
    const [, flag, , inline] = /^--?([^=-][^=]*)(=([\s\S]*))?$/.exec(argv[i]!) ?? []
    if (flag === 'help' || flag === 'h') return problem('help', 'help was asked for')
    const definition = flag === undefined ? undefined : byFlag.get(flag)
    if (definition === undefined) return problem('unknown-flag', `unknown flag ${JSON.stringify(argv[i])}`)
    const value = inline ?? (definition.mayStandAlone ? 'true' : argv[++i])
    if (value === undefined) return problem('missing-value', `--${definition.flag} needs a value`)
    given.set(definition.flag, value)
  }
  return ok(given)
}

function readOne(
  { flag, env: variable, fallback, read }: OptionDefinition<unknown>,
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Result<unknown, OptionProblem> {
  const fromEnv = variable === undefined || env[variable] === '' ? undefined : env[variable]
  const text = given ?? fromEnv
  if (text === undefined) {
    const places = variable === undefined ? `--${flag}` : `--${flag} or ${variable}`
    return fallback === undefined ? problem('required', `${places} is required`) : ok(fallback)
  }
  const value = read(text)
  const name = given === undefined ? variable : `--${flag}`
  return value.ok ? value : problem('bad-value', `${name}: ${JSON.stringify(text)} ${value.error}`)
}

function problem(code: OptionProblem['code'], sentence: string): Result<never, OptionProblem> {
  return failed({ code, sentence })
}
