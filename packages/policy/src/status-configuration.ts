import type { Condition, ConfigurationState } from '@metallb-ts/api'
import { explainProblem, type ConfigProblem } from './problem.ts'
import { withCondition } from './status-condition.ts'

/** What a ConfigurationState's status should say; undefined when it does. */
export function configurationStatus(
  state: ConfigurationState | undefined,
  conditionType: string,
  problems: readonly ConfigProblem[],
  wallTime: number,
): NonNullable<ConfigurationState['status']> | undefined {
  const summary = problems.map(problem => `configuration error: ${explainProblem(problem)}`).join('\n')
  const conditions = withCondition(
    state?.status?.conditions,
    conditionType,
    problems.length === 0
      ? { status: 'True', code: 'reconciled', message: '' }
      : { status: 'False', code: 'configuration-error', message: summary },
    wallTime,
  )
  if (conditions === undefined) return undefined
  return overall(conditions)
}

/** Valid unless a condition says otherwise; unknown before anything was said. */
function overall(conditions: readonly Condition[]): NonNullable<ConfigurationState['status']> {
  const failing = conditions.filter(({ status, reason }) => status === 'False' && reason === 'ConfigurationError')
  const result = conditions.length === 0 ? 'Unknown' : failing.length > 0 ? 'Invalid' : 'Valid'
  return { result, errorSummary: failing.map(({ message }) => message ?? '').join('\n'), conditions }
}
