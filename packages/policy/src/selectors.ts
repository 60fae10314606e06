import type { LabelSelector, LabelSelectorRequirement } from '@metallb-ts/api'

export type Labels = Readonly<Record<string, string>>

/** Whether labels satisfy the selector. An empty selector matches everything; a bad operator matches nothing. */
export function matchesSelector(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Labels = {},
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(requirement => satisfies(requirement, labels))
  )
}

/** No selectors means no restriction; else any of them. */
export function matchesAny(selectors: readonly LabelSelector[] | undefined, labels: Labels | undefined): boolean {
  return (
    selectors === undefined || selectors.length === 0 || selectors.some(selector => matchesSelector(selector, labels))
  )
}

/** What is wrong with a selector, in the words Kubernetes uses; undefined when nothing is. */
export function selectorProblem({ matchExpressions = [] }: LabelSelector): string | undefined {
  for (const { key, operator, values = [] } of matchExpressions) {
    if (!OPERATORS.has(operator)) return `"${operator}" is not a valid label selector operator`
    const wantsValues = operator === 'In' || operator === 'NotIn'
    if (wantsValues && values.length === 0) return `${key}: for 'in', 'notin' operators, values set can't be empty`
    if (!wantsValues && values.length > 0) return `${key}: values set must be empty for exists and does not exist`
  }
  return undefined
}

/** One text for selectors that mean the same, whatever the order of their parts. */
export function selectorKey({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => [key, operator, [...values].sort()])
  return JSON.stringify([Object.entries(matchLabels).sort(byText), expressions.map(one => JSON.stringify(one)).sort()])
}

const OPERATORS = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist'])

function satisfies({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}

function byText(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}
