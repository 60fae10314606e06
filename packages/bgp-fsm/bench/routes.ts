import type { SourcedRoute } from '../src/index.ts'

/** The i-th of many host routes, from 100.64.0.0 on. */
export function hostText(i: number): string {
  const value = FIRST + i
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** Host routes that differ by one community in so many sets of attributes. */
export function hostRoutes(count: number, sets: number, first = 0): SourcedRoute[] {
  const attributes = Array.from({ length: sets }, (_, i) => ({ communities: [(COMMUNITY_ASN << 16) + i] }))
  return Array.from({ length: count }, (_, i) => ({
    prefix: { address: { family: 'ipv4' as const, value: BigInt(FIRST + first + i) }, length: 32 },
    attributes: attributes[i % sets]!,
  }))
}

export const COMMUNITY_ASN = 1_000
const FIRST = 0x6440_0000
