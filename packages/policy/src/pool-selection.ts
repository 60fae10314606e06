import type { LabelSelector } from '@metallb-ts/api'
import type { PoolConfig } from './pools.ts'
import type { ConfigProblem, ObjectName } from './problem.ts'
import { matchesSelector, selectorKey, selectorProblem } from './selectors.ts'

/** Names of the pools an advertisement is for: those named, those whose labels match, or all when it says neither. */
export function selectedPools(
  pools: readonly PoolConfig[],
  {
    ipAddressPools = [],
    ipAddressPoolSelectors = [],
  }: { ipAddressPools?: readonly string[]; ipAddressPoolSelectors?: readonly LabelSelector[] },
): ReadonlySet<string> {
  const says = ipAddressPools.length + ipAddressPoolSelectors.length > 0
  const chosen = pools.filter(
    ({ name, labels }) =>
      !says ||
      ipAddressPools.includes(name) ||
      ipAddressPoolSelectors.some(selector => matchesSelector(selector, labels)),
  )
  return new Set(chosen.map(({ name }) => name))
}

/** Lists in which nothing may stand twice, and selectors that must be sound. */
export function listProblems(
  object: ObjectName,
  texts: Readonly<Record<string, readonly string[] | undefined>>,
  selectors: Readonly<Record<string, readonly LabelSelector[] | undefined>>,
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const check = (field: string, key: string, i: number, seen: Set<string>): void => {
    if (seen.has(key)) {
      problems.push({
        code: 'duplicate',
        object,
        path: `spec.${field}[${i}]`,
        detail: `duplicate definition of ${WORDS[field] ?? field} "${key}"`,
      })
    }
    seen.add(key)
  }
  for (const [field, values = []] of Object.entries(texts)) {
    const seen = new Set<string>()
    for (const [i, value] of values.entries()) check(field, value, i, seen)
  }
  for (const [field, values = []] of Object.entries(selectors)) {
    const seen = new Set<string>()
    for (const [i, selector] of values.entries()) {
      check(field, selectorKey(selector), i, seen)
      const detail = selectorProblem(selector)
      if (detail !== undefined) problems.push({ code: 'invalid-selector', object, path: `spec.${field}[${i}]`, detail })
      for (const detail of repetitions(selector)) {
        problems.push({ code: 'duplicate', object, path: `spec.${field}[${i}]`, detail })
      }
    }
  }
  return problems
}

/** What stands twice within one selector, in MetalLB's words. */
function repetitions({ matchExpressions = [] }: LabelSelector): readonly string[] {
  const keys = matchExpressions.map(expression => selectorKey({ matchExpressions: [expression] }))
  const again = keys.findIndex((key, i) => keys.indexOf(key) < i)
  const { key = '', operator = '' } = matchExpressions[again] ?? {}
  const values = matchExpressions.flatMap(({ values = [] }) => values.filter((one, i) => values.indexOf(one) < i))
  return [
    ...values.map(value => `duplicate definition of match expression value in label selector "${value}"`),
    ...(again < 0 ? [] : [`duplicate definition of match expressions "${key} ${operator}"`]),
  ]
}

/** Fields that MetalLB's sentence calls something else. */
const WORDS: Readonly<Record<string, string>> = { communities: 'community' }
