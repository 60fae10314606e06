import { parseAddress, parsePrefix, parseRange, unmapAddress, type Address, type AddressRange } from '@metallb-ts/netip'
import { parse as parseTyped } from 'ip6addr'

/**
 * An address as people type it. ip6addr must agree that it is one; netip's reading is the value, for it refuses what
 * MetalLB refuses too: leading zeros and zones. An IPv4-mapped IPv6 address is the IPv4 address.
 */
export function typedAddress(text: string): Address | undefined {
  return isTyped(text.trim()) ? writtenAddress(text) : undefined
}

/** An address that a program wrote, such as a status's, which is read again with each change. */
export function writtenAddress(text: string): Address | undefined {
  const address = parseAddress(text.trim())
  return address.ok ? unmapAddress(address.value) : undefined
}

/** An item of a pool: a CIDR block, host bits ignored, or a from-to range. */
export function typedRange(
  item: string,
): { readonly ok: true; readonly range: AddressRange } | { readonly ok: false; readonly detail: string } {
  if (!item.includes('-')) {
    const block = parsePrefix(item.trim())
    const range = parseRange(item.trim())
    return block.ok && range.ok ? { ok: true, range: range.value } : { ok: false, detail: `invalid CIDR "${item}"` }
  }
  const [from = '', to = '', ...more] = item.split('-').map(part => part.trim())
  const first = typedAddress(from)
  const last = typedAddress(to)
  const bad = (detail: string) => ({ ok: false as const, detail: `invalid IP range "${item}": ${detail}` })
  if (more.length > 0) return bad('more than one dash')
  if (first === undefined) return bad(`invalid start IP "${from}"`)
  if (last === undefined) return bad(`invalid end IP "${to}"`)
  if (first.family !== last.family) return bad(`start IP "${from}" and end IP "${to}" are of different families`)
  if (first.value > last.value) return bad(`start IP "${from}" is after the end IP "${to}"`)
  return { ok: true, range: { first, last } }
}

function isTyped(text: string): boolean {
  try {
    parseTyped(text)
    return true
  } catch {
    return false
  }
}
