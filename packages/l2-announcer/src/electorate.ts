import type { Address } from '@metallb-ts/netip'
import { electOwners, holdDown, type Presence, type Spreading } from './elect-owners.ts'
import type { Candidate, Election, Ineligibility } from './ownership.ts'

/** One address that one of several nodes is to hold. */
export interface Contest {
  /** Canonical text of the address. */
  readonly key: string
  readonly address: Address
  readonly candidates: readonly Candidate[]
}

/** How owners are chosen: the same on every node of a cluster. */
export interface ElectionRules {
  readonly spreading: Spreading
  /** How long a node must have been there before it takes an address from its owner, milliseconds; 0 for not at all. */
  readonly holdDownMs: number
}

/** What is true of the nodes, equal on every one but for the time that news takes. */
export interface Electorate {
  readonly contests: readonly Contest[]
  /** Announcers that take part; `all` where nobody tells. */
  readonly alive: ReadonlySet<string> | 'all'
  /** Has this node a link on which it could answer for the address? */
  readonly isUsable: (candidate: Candidate, address: Address) => boolean
  /** Since when each living node is there, in milliseconds of the clock of `now`. */
  readonly presentSince: ReadonlyMap<string, number>
  /** Who holds an address, by its key; several after a partition has healed. Sorted, as everybody sorts them. */
  readonly owned: (key: string) => readonly string[]
  readonly now: number
}

/** Every election, by key. */
export function electAll(
  { spreading, holdDownMs }: ElectionRules,
  electorate: Electorate,
): ReadonlyMap<string, Election> {
  const { contests, owned, presentSince, now } = electorate
  const standing = new Standing(electorate)
  const requests = contests.map(({ key, address, candidates }) => {
    const able = standing.of(candidates, address)
    const held = holdDownMs === 0 ? able : heldDown(able, owned(key), { presentSince, now, holdDownMs })
    return { address, candidates: held }
  })
  const previous = new Map(spreading.name === 'sticky' ? contests.flatMap(({ key }) => entry(key, owned(key)[0])) : [])
  return electOwners(requests, spreading, previous)
}

/** Of several owners one stays, whoever saw whom return; it is among them that the order decides. */
function heldDown(
  candidates: readonly Candidate[],
  owners: readonly string[],
  presence: Presence,
): readonly Candidate[] {
  if (owners.length < 2) return holdDown(candidates, owners[0], presence)
  return candidates.map(candidate =>
    owners.includes(candidate.node)
      ? candidate
      : { ...candidate, refusals: [...(candidate.refusals ?? []), 'held-down'] },
  )
}

/** Is an address elected without a look at the others, or at who owns what? */
export function standsAlone({ spreading, holdDownMs }: ElectionRules): boolean {
  return spreading.name === 'metallb' && holdDownMs === 0
}

/** The dead may not own, nor who has no link to answer on. Most addresses have the same candidates, as one list. */
export class Standing {
  readonly #electorate: Pick<Electorate, 'alive' | 'isUsable'>
  readonly #lists = { ipv4: new Map<object, readonly Candidate[]>(), ipv6: new Map<object, readonly Candidate[]>() }
  readonly #reasons = { ipv4: new Map<Candidate, Ineligibility | ''>(), ipv6: new Map<Candidate, Ineligibility | ''>() }

  constructor(electorate: Pick<Electorate, 'alive' | 'isUsable'>) {
    this.#electorate = electorate
  }

  /** The candidates with what is against them now. */
  of(candidates: readonly Candidate[], address: Address): readonly Candidate[] {
    const lists = this.#lists[address.family]
    const known = lists.get(candidates)
    if (known !== undefined) return known
    const able = candidates.map(candidate => {
      const reason = this.#reason(candidate, address)
      return reason === '' ? candidate : { ...candidate, refusals: [...(candidate.refusals ?? []), reason] }
    })
    lists.set(candidates, able)
    return able
  }

  /** Is nothing against this one but what it says itself? */
  stands(candidate: Candidate, address: Address): boolean {
    return this.#reason(candidate, address) === ''
  }

  #reason(candidate: Candidate, address: Address): Ineligibility | '' {
    const reasons = this.#reasons[address.family]
    const known = reasons.get(candidate)
    if (known !== undefined) return known
    const { alive, isUsable } = this.#electorate
    const isDead = alive !== 'all' && !alive.has(candidate.node)
    const reason = isDead ? 'not-a-member' : isUsable(candidate, address) ? '' : 'no-usable-interface'
    reasons.set(candidate, reason)
    return reason
  }
}

function entry(key: string, owner: string | undefined): [string, string][] {
  return owner === undefined ? [] : [[key, owner]]
}
