import { formatAddress, type Address } from '@metallb-ts/netip'
import { electionDigest, electOwner, isEligible, rank, verdicts, type Candidate, type Election } from './ownership.ts'

/** One address to be owned, and who might. */
export interface ElectionRequest {
  readonly address: Address
  readonly candidates: readonly Candidate[]
}

/**
 * How addresses spread over nodes. Every announcer of a cluster must use the same, or two would own one address.
 * - `metallb`: each address on its own; the order MetalLB has.
 * - `bounded`: the same order, but no node owns more than its share times `slack`.
 * - `sticky`: as bounded, and who owns an address keeps it while it may: fewest moves when nodes come and go.
 */
export type Spreading =
  | { readonly name: 'metallb' }
  | { readonly name: 'bounded' | 'sticky'; /** 1 or more. @default 1.25 */ readonly slack?: number }

/**
 * Every address's election at once, by canonical text. A function of its inputs alone: equal inputs, whatever their
 * order, give equal answers on every node.
 * @param previous owner by canonical text of the address, for `sticky`
 */
export function electOwners(
  requests: readonly ElectionRequest[],
  spreading: Spreading = { name: 'metallb' },
  previous: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, Election> {
  if (spreading.name === 'metallb') {
    return new Map(requests.map(({ address, candidates }) => [formatAddress(address), electOwner(candidates, address)]))
  }
  const ordered = inHashOrder(requests)
  const load = new Load(ordered, spreading.slack ?? DEFAULT_SLACK)
  const owners = new Map<string, string>()
  if (spreading.name === 'sticky') keepOwners(ordered, previous, load, owners)
  for (const each of ordered) if (!owners.has(each.text)) owners.set(each.text, load.place(each))
  return new Map(ordered.map(each => [each.text, election(each, owners.get(each.text)!, load)]))
}

/** A node that came back, and when, in milliseconds of one clock. */
export interface Presence {
  readonly presentSince: ReadonlyMap<string, number>
  readonly now: number
  /** How long a node must have been there before it takes an address from an owner. @default 30000 */
  readonly holdDownMs?: number
}

/**
 * The candidates, with `held-down` on those that are back too recently to take the address from its owner. An orphan, of
 * which the owner is gone, is anybody's at once: a node that flaps drags nothing back and forth, and nothing waits.
 */
export function holdDown(
  candidates: readonly Candidate[],
  owner: string | undefined,
  presence: Presence,
): readonly Candidate[] {
  const { presentSince, now, holdDownMs = DEFAULT_HOLD_DOWN_MS } = presence
  if (!candidates.some(candidate => candidate.node === owner && isEligible(candidate))) return candidates
  return candidates.map(candidate => {
    const since = presentSince.get(candidate.node) ?? Number.NEGATIVE_INFINITY
    if (candidate.node === owner || now - since >= holdDownMs) return candidate
    return { ...candidate, refusals: [...(candidate.refusals ?? []), 'held-down'] }
  })
}

/** Less moves too much: at 1.0 a lost node shifts three times what it held. */
const DEFAULT_SLACK = 1.25
const DEFAULT_HOLD_DOWN_MS = 30_000

/** A request with everything about it computed once. */
interface Ranked extends ElectionRequest {
  readonly text: string
  readonly eligible: readonly Candidate[]
}

/** An order that is fair and the same everywhere: that of the digests of the addresses. */
function inHashOrder(requests: readonly ElectionRequest[]): readonly Ranked[] {
  const byText = new Map(requests.map(request => [formatAddress(request.address), request]))
  return [...byText]
    .map(([text, request]) => ({ text, request, key: hex(electionDigest('', text)) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ text, request }) => ({
      ...request,
      text,
      eligible: rank(request.candidates.filter(isEligible), request.address),
    }))
}

function keepOwners(
  requests: readonly Ranked[],
  previous: ReadonlyMap<string, string>,
  load: Load,
  owners: Map<string, string>,
): void {
  for (const { text, eligible } of requests) {
    const owner = previous.get(text)
    const best = eligible[0]?.score ?? 0
    const keeps = eligible.some(({ node, score }) => node === owner && (score ?? 0) === best)
    if (owner !== undefined && keeps && !load.isFull(owner)) owners.set(text, load.take(owner))
  }
}

/** How much each node holds, and may. */
class Load {
  readonly #held = new Map<string, number>()
  readonly #share: number

  constructor(requests: readonly Ranked[], slack: number) {
    const nodes = new Set(requests.flatMap(({ eligible }) => eligible.map(({ node }) => node)))
    this.#share = Math.ceil((Math.max(1, slack) * requests.length) / Math.max(1, nodes.size))
  }

  isFull(node: string): boolean {
    return this.of(node) >= this.#share
  }

  of(node: string): number {
    return this.#held.get(node) ?? 0
  }

  take(node: string): string {
    this.#held.set(node, this.of(node) + 1)
    return node
  }

  /**
   * The first in rank with room, among those preferred most: what an operator prefers outranks balance. When all of them
   * are full the least loaded, for an address without owner helps no one. Empty text when nobody may.
   */
  place({ eligible }: Ranked): string {
    const best = eligible[0]?.score ?? 0
    const preferred = eligible.filter(({ score }) => (score ?? 0) === best)
    const least = Math.min(...preferred.map(({ node }) => this.of(node)))
    const chosen =
      preferred.find(({ node }) => !this.isFull(node)) ?? preferred.find(({ node }) => this.of(node) === least)
    return chosen === undefined ? '' : this.take(chosen.node)
  }
}

/** The owner first; those ranked before it were full, and say so. */
function election({ candidates, eligible }: Ranked, owner: string, load: Load): Election {
  const at = eligible.findIndex(({ node }) => node === owner)
  const passedOver = new Set(
    eligible
      .slice(0, Math.max(0, at))
      .filter(({ node }) => load.isFull(node))
      .map(({ node }) => node),
  )
  const standing = eligible.filter(({ node }) => !passedOver.has(node))
  const ranked = standing.toSorted((a, b) => Number(b.node === owner) - Number(a.node === owner))
  const known = candidates.map((candidate): Candidate =>
    passedOver.has(candidate.node) ? { ...candidate, refusals: ['at-capacity'] } : candidate,
  )
  return verdicts(known, ranked)
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
