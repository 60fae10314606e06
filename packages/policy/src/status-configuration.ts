import { ANNOTATION_PREFIX, type Condition, type ConfigurationState } from '@metallb-ts/api'
import { explainForeignInstallation, type ForeignInstallation } from './foreign-installations.ts'
import { explainProblem, type ConfigProblem } from './problem.ts'
import { withCondition, withoutCondition } from './status-condition.ts'

/** Says False while another installation is at work; absent else. */
export const ONLY_INSTALLATION_CONDITION: string = `${ANNOTATION_PREFIX}OnlyInstallation`

/** What a ConfigurationState's status should say; undefined when it does. */
export function configurationStatus(
  state: ConfigurationState | undefined,
  conditionType: string,
  problems: readonly ConfigProblem[],
  wallTime: number,
  foreign: readonly ForeignInstallation[] = [],
): NonNullable<ConfigurationState['status']> | undefined {
  const summary = problems.map(problem => `configuration error: ${explainProblem(problem)}`).join('\n')
  const before = state?.status?.conditions
  const judged = withCondition(
    before,
    conditionType,
    problems.length === 0
      ? { status: 'True', code: 'reconciled', message: '' }
      : { status: 'False', code: 'configuration-error', message: summary },
    wallTime,
  )
  const told = withForeign(judged ?? before, foreign, wallTime)
  return judged === undefined && told === undefined ? undefined : overall(told ?? judged ?? [])
}

function withForeign(
  conditions: readonly Condition[] | undefined,
  foreign: readonly ForeignInstallation[],
  wallTime: number,
): readonly Condition[] | undefined {
  if (foreign.length === 0) return withoutCondition(conditions, ONLY_INSTALLATION_CONDITION) ?? undefined
  const message = foreign.map(explainForeignInstallation).join('\n')
  const finding = { status: 'False', code: 'foreign-installation', message } as const
  return withCondition(conditions, ONLY_INSTALLATION_CONDITION, finding, wallTime)
}

/** Valid unless a condition says otherwise; unknown before anything was said. */
function overall(conditions: readonly Condition[]): NonNullable<ConfigurationState['status']> {
  const failing = conditions.filter(({ status, reason }) => status === 'False' && reason === 'ConfigurationError')
  const result = conditions.length === 0 ? 'Unknown' : failing.length > 0 ? 'Invalid' : 'Valid'
  return { result, errorSummary: failing.map(({ message }) => message ?? '').join('\n'), conditions }
}
