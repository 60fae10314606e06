import { formatAddress, type Address } from '@metallb-ts/netip'
import { sha256 } from './sha256.ts'

/** A node as the election sees it. */
export interface Candidate {
  readonly node: string
  /** Sum of the preferences that apply to it; more wins. @default 0 */
  readonly score?: number
  /** Why it may not own the address; empty or absent when it may. Every reason there is, for people will ask. */
  readonly refusals?: readonly Ineligibility[]
  /** Names of the interfaces it may answer on. @default every one it has */
  readonly interfaces?: readonly string[]
}

/** Why a node may not own an address. */
export type Ineligibility = (typeof INELIGIBILITIES)[number]

export const INELIGIBILITIES = [
  'not-a-member', // not heard from, or never seen
  'leaving',
  'network-unavailable', // the node's own condition
  'excluded-by-label',
  'cordoned', // where cordons count
  'no-matching-advertisement',
  'no-usable-endpoint', // with externalTrafficPolicy Local, on this node
  'no-usable-interface', // none that the advertisement names is up
  'held-down', // back for too short a time to take an address from its owner
  'at-capacity', // holds its share already
] as const

/** What the election says of one node. */
export type Verdict =
  | { readonly node: string; readonly verdict: 'owner' }
  | { readonly node: string; readonly verdict: 'outranked'; readonly by: string }
  | { readonly node: string; readonly verdict: 'ineligible'; readonly reasons: readonly Ineligibility[] }

export interface Election {
  /** Absent when nobody may. */
  readonly owner: string | undefined
  /** Every node once: the eligible in order of rank, then the others by name. */
  readonly verdicts: readonly Verdict[]
}

/**
 * Who answers for the address, and for every other node why it does not. Equal inputs give equal answers on every node,
 * in whatever order the candidates come. The order is MetalLB's, so that both can elect side by side: score descending,
 * then SHA-256 of `node#address` ascending. For a service of both families pass the first address of its status.
 */
export function electOwner(candidates: readonly Candidate[], address: Address): Election {
  return verdicts(candidates, rank(candidates.filter(isEligible), address))
}

/** Eligible or not, best first. A node named twice counts once, as given last. */
export function rank(candidates: readonly Candidate[], address: Address): readonly Candidate[] {
  const text = formatAddress(address)
  const each = [...new Map(candidates.map(candidate => [candidate.node, candidate])).values()]
  const places = electionPlaces(each, text)
  return each
    .map((candidate, i) => ({ candidate, place: places[i]! }))
    .sort((a, b) => byScore(a.candidate, b.candidate) || a.place - b.place || byDigest(a.candidate, b.candidate, text))
    .map(({ candidate }) => candidate)
}

function byScore(a: Candidate, b: Candidate): number {
  return (b.score ?? 0) - (a.score ?? 0)
}

function byDigest(a: Candidate, b: Candidate, address: string): number {
  return compareBytes(electionDigest(a.node, address), electionDigest(b.node, address))
}

/**
 * Of every candidate its place for the address in canonical text, lower first: the digest's first 48 bits. Remembered, for
 * with every change of members every election is held again.
 */
export function electionPlaces(candidates: readonly Candidate[], address: string): Float64Array {
  const known = places.get(address)
  if (known !== undefined && isOf(known, candidates)) return known.found
  const byNode = known?.byNode ?? new Map<string, number>()
  const found = new Float64Array(candidates.length)
  for (let i = 0; i < candidates.length; i++) found[i] = placeOf(candidates[i]!.node, address, byNode)
  if (placesKnown >= MOST_PLACES) forgetPlaces()
  places.set(address, { byNode, candidates, found })
  return found
}

interface Places {
  readonly byNode: Map<string, number>
  /** Who was asked for last, and the answer. */
  readonly candidates: readonly Candidate[]
  readonly found: Float64Array
}

function isOf({ candidates: before }: Places, candidates: readonly Candidate[]): boolean {
  if (before === candidates) return true
  return before.length === candidates.length && candidates.every(({ node }, i) => before[i]!.node === node)
}

function placeOf(node: string, address: string, byNode: Map<string, number>): number {
  let place = byNode.get(node)
  if (place === undefined) {
    place = firstBits(electionDigest(node, address))
    byNode.set(node, place)
    placesKnown++
  }
  return place
}

function firstBits(digest: Uint8Array): number {
  let bits = 0
  for (let i = 0; i < 6; i++) bits = bits * 256 + digest[i]!
  return bits
}

function forgetPlaces(): void {
  places.clear()
  placesKnown = 0
}

/** By address. */
const places = new Map<string, Places>()
let placesKnown = 0
const MOST_PLACES = 131_072 // a thousand addresses on a hundred nodes, some 15 MB

/** SHA-256 of `node#address`, the address in canonical text. */
export function electionDigest(node: string, address: string): Uint8Array {
  return sha256(utf8(`${node}#${address}`))
}

export function isEligible({ refusals }: Candidate): boolean {
  return refusals === undefined || refusals.length === 0
}

/** The election in which `ranked` stand in this order. */
export function verdicts(candidates: readonly Candidate[], ranked: readonly Candidate[]): Election {
  const owner = ranked[0]?.node
  const eligible = ranked.map(({ node }): Verdict =>
    node === owner ? { node, verdict: 'owner' } : { node, verdict: 'outranked', by: owner! },
  )
  const standing = new Set(ranked.map(({ node }) => node))
  const refused = [...new Map(candidates.map(candidate => [candidate.node, candidate])).values()]
    .filter(({ node }) => !standing.has(node))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
    .map(({ node, refusals }): Verdict => ({ node, verdict: 'ineligible', reasons: refusals ?? [] }))
  return { owner, verdicts: [...eligible, ...refused] }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

/** RFC 3629; node names are ASCII, but a wrong guess here would elect two owners. */
function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return longUtf8(text)
    bytes[i] = unit
  }
  return bytes
}

function longUtf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code, 0))
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), tail(code, 6), tail(code, 0))
    else bytes.push(0xf0 | (code >> 18), tail(code, 12), tail(code, 6), tail(code, 0))
  }
  return Uint8Array.from(bytes)
}

function tail(code: number, shift: number): number {
  return 0x80 | ((code >> shift) & 0x3f)
}
