import type { TenureStep } from '@metallb-ts/l2-announcer'
import type { Owner, OwnerEvents } from './lan.ts'

/** What a step says of owners, as it is told. */
export function ownersOf(changes: TenureStep['owners']): OwnerEvents['l2:owners'] {
  const owners: Owner[] = []
  const uncontested: string[] = []
  for (const [address, change] of changes) {
    if (change === 'uncontested') uncontested.push(address)
    else owners.push({ address, owner: change.owner ?? '', refusals: change.refusals })
  }
  return { owners, uncontested }
}
