import type { BFDProfile } from '@metallb-ts/api'
import type { Reading } from './config.ts'
import type { ConfigProblem } from './problem.ts'

export interface BfdProfileConfig {
  readonly name: string
  readonly receiveIntervalMs?: number
  readonly transmitIntervalMs?: number
  readonly detectMultiplier?: number
  readonly echoIntervalMs?: number
  readonly echoMode: boolean
  readonly passiveMode: boolean
  readonly minimumTtl?: number
}

export function readBfdProfile({ metadata, spec = {} }: BFDProfile): Reading<BfdProfileConfig> {
  const problems = BOUNDS.flatMap(([field, min, max, what]): ConfigProblem[] => {
    const value = spec[field]
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return []
    const detail = `parsing bfd profile ${metadata.name}: invalid value ${value}, must be in ${min}-${max} range\ninvalid ${what} value`
    return [
      { code: 'invalid-number', object: { kind: 'BFDProfile', name: metadata.name }, path: `spec.${field}`, detail },
    ]
  })
  if (problems.length > 0) return { problems }
  const { receiveInterval, transmitInterval, detectMultiplier, echoInterval, echoMode, passiveMode, minimumTtl } = spec
  return {
    problems,
    value: {
      name: metadata.name,
      ...(receiveInterval !== undefined && { receiveIntervalMs: receiveInterval }),
      ...(transmitInterval !== undefined && { transmitIntervalMs: transmitInterval }),
      ...(detectMultiplier !== undefined && { detectMultiplier }),
      ...(echoInterval !== undefined && { echoIntervalMs: echoInterval }),
      echoMode: echoMode ?? false,
      passiveMode: passiveMode ?? false,
      ...(minimumTtl !== undefined && { minimumTtl }),
    },
  }
}

const BOUNDS = [
  ['receiveInterval', 10, 60_000, 'receive interval'],
  ['transmitInterval', 10, 60_000, 'transmit interval'],
  ['detectMultiplier', 2, 255, 'detect multiplier'],
  ['minimumTtl', 1, 254, 'minimum ttl'],
  ['echoInterval', 10, 60_000, 'echo interval'],
] as const
