import { electOwner, type Candidate, type DesiredAddress } from '@metallb-ts/l2-announcer'
import type { Address } from '@metallb-ts/netip'

/** An address that this node holds, or would hold if others were dead. */
export interface LanAddress extends DesiredAddress {
  /** Absent: held in any case. */
  readonly contest?: Contest
}

/** The election that decides, again with every change of members and without asking the main thread. */
export interface Contest {
  /** What is hashed: of a service of both families its first address, for both. */
  readonly address: Address
  /** Every node that may own it while it is alive; whether it is, the thread knows best. */
  readonly candidates: readonly Candidate[]
}

/** What this node holds now. @param alive `all` without membership */
export function heldNow(
  addresses: readonly LanAddress[],
  node: string,
  alive: ReadonlySet<string> | 'all',
): readonly DesiredAddress[] {
  return addresses.filter(({ contest }) => contest === undefined || wins(contest, node, alive))
}

function wins({ address, candidates }: Contest, node: string, alive: ReadonlySet<string> | 'all'): boolean {
  const living = alive === 'all' ? candidates : candidates.filter(candidate => alive.has(candidate.node))
  return electOwner(living, address).owner === node
}
