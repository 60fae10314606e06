import type { Community } from '@metallb-ts/api'
import { WELL_KNOWN_COMMUNITIES, type LargeCommunity } from '@metallb-ts/bgp-fsm'
import type { ConfigProblem } from './problem.ts'

export type CommunityValue =
  { readonly kind: 'standard'; readonly value: number } | { readonly kind: 'large'; readonly value: LargeCommunity }

export type CommunityReading =
  { readonly ok: true; readonly value: CommunityValue } | { readonly ok: false; readonly detail: string }

/** `a:b` (RFC 1997), `large:a:b:c` (RFC 8092), decimal, or a well-known name such as `no-export`. */
export function readCommunity(text: string): CommunityReading {
  const parts = text.split(':')
  const wellKnown = Object.entries(WELL_KNOWN_COMMUNITIES).find(([name]) => name === text)
  if (wellKnown !== undefined) return { ok: true, value: { kind: 'standard', value: wellKnown[1] } }
  if (parts.length === 2) return standard(text, parts)
  if (parts.length === 4 && parts[0] === 'large') return large(text, parts.slice(1))
  if (parts.length === 4)
    return { ok: false, detail: `invalid community value: invalid marker for large community: ${text}` }
  return { ok: false, detail: `invalid community format: ${text}` }
}

export function communityText(community: CommunityValue): string {
  if (community.kind === 'standard') return `${community.value >>> 16}:${community.value & 0xffff}`
  const { global, local1, local2 } = community.value
  return `${global}:${local1}:${local2}`
}

/** All names of all Community objects, in one namespace. A name given twice keeps its first meaning. */
export function communityAliases(objects: readonly Community[]): {
  readonly aliases: ReadonlyMap<string, CommunityValue>
  readonly problems: readonly ConfigProblem[]
} {
  const aliases = new Map<string, CommunityValue>()
  const problems: ConfigProblem[] = []
  for (const { metadata, spec } of objects) {
    for (const [i, { name = '', value = '' }] of (spec?.communities ?? []).entries()) {
      const object = { kind: 'Community', name: metadata.name } as const
      const read = readCommunity(value)
      if (!read.ok) {
        const detail = `parsing community "${name}": ${read.detail}`
        problems.push({ code: 'invalid-community', object, path: `spec.communities[${i}].value`, detail })
      } else if (aliases.has(name)) {
        const detail = `duplicate definition of community "${name}"`
        problems.push({ code: 'duplicate', object, path: `spec.communities[${i}].name`, detail })
      } else aliases.set(name, read.value)
    }
  }
  return { aliases, problems }
}

function standard(text: string, parts: readonly string[]): CommunityReading {
  const [high, low] = parts.map(part => whole(part, 0xffff))
  if (high === undefined || low === undefined) return { ok: false, detail: `invalid community value: ${text}` }
  return { ok: true, value: { kind: 'standard', value: ((high << 16) | low) >>> 0 } }
}

function large(text: string, parts: readonly string[]): CommunityReading {
  const [global, local1, local2] = parts.map(part => whole(part, 0xffff_ffff))
  if (global === undefined || local1 === undefined || local2 === undefined) {
    return { ok: false, detail: `invalid community value: ${text}` }
  }
  return { ok: true, value: { kind: 'large', value: { global, local1, local2 } } }
}

function whole(text: string, max: number): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= max ? Number(text) : undefined
}
