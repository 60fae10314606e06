import { failure, type Answer } from '../answers.ts'
import type { Owner } from './managed-fields.ts'
import type { Conflict } from './ownership.ts'

/** What the API server says to an apply that would change fields of others, word for word. */
export function conflictAnswer(conflicts: readonly Conflict[]): Answer {
  const causes = conflicts.map(({ owner, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${named(owner)}`,
    field,
  }))
  return failure(409, 'Conflict', `Apply failed with ${listed(conflicts)}`, { causes })
}

function listed(conflicts: readonly Conflict[]): string {
  const [first, ...others] = conflicts
  if (others.length === 0) return `1 conflict: conflict with ${named(first!.owner)}: ${first!.field}`
  const byOwner = Map.groupBy(conflicts, ({ owner }) => named(owner))
  const lines = [...byOwner].flatMap(([name, fields]) => [
    `conflicts with ${name}:`,
    ...fields.map(({ field }) => `- ${field}`),
  ])
  return `${conflicts.length} conflicts: ${lines.join('\n')}`
}

function named({ manager, operation, apiVersion, subresource }: Owner): string {
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`
  const as = operation === 'Update' ? ` using ${apiVersion}` : ''
  return `${JSON.stringify(manager)}${through}${as}`
}
