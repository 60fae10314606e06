import type { Condition } from '@metallb-ts/api'

/** What a condition says. */
export interface Finding {
  readonly status: 'True' | 'False'
  /** Kebab-case, stable. */
  readonly code: string
  readonly message: string
}

/** The whole list with one condition brought up to date; undefined when it is. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
  { status, code, message }: Finding,
  wallTime: number,
): readonly Condition[] | undefined {
  const current = conditions?.find(condition => condition.type === type)
  if (saysIt(current, { status, code, message })) return undefined
  // The time tells when True became False or the reverse, not when the wording changed.
  const lastTransitionTime =
    (current?.status === status ? current.lastTransitionTime : undefined) ?? timestamp(wallTime)
  const next: Condition = { type, status, reason: reasonOf(code), message: textOf(message), lastTransitionTime }
  if (current === undefined) return [...(conditions ?? []), next]
  return conditions?.map(other => (other === current ? next : other))
}

/** Whether a condition says already what was found. */
export function saysIt(current: Condition | undefined, { status, code, message }: Finding): boolean {
  return current?.status === status && current.reason === reasonOf(code) && current.message === textOf(message)
}

/** The list without a condition; undefined when it is not there. */
export function withoutCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): readonly Condition[] | null | undefined {
  const rest = (conditions ?? []).filter(condition => condition.type !== type)
  if (rest.length === (conditions ?? []).length) return undefined
  return rest.length === 0 ? null : rest
}

/** `pool-exhausted` as `PoolExhausted`: reasons are CamelCase by Kubernetes' convention. */
export function reasonOf(code: string): string {
  return code
    .split('-')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

/** RFC 3339 to the second, as Kubernetes writes times. */
export function timestamp(wallTime: number): string {
  return `${new Date(wallTime).toISOString().slice(0, -'.000Z'.length)}Z`
}

function textOf(message: string): string {
  return message.slice(0, MAX_MESSAGE)
}

const MAX_MESSAGE = 32_768 // the API's bound on a condition's message
