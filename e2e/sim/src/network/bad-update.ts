import type { Dice } from '../dice.ts'

/** What a bad UPDATE announces: no pool has it. */
export const BAD_PREFIX = '192.0.2.128/25'

/** An UPDATE with one attribute that is wrong, and can be survived (RFC 7606 §7). */
export function badUpdate(dice: Dice, nextHop: string): Uint8Array {
  const good = {
    origin: [0x40, 1, 1, 0],
    asPath: [0x40, 2, 6, 2, 1, 0, 0, 0xfc, 0],
    nextHop: [0x40, 3, 4, ...nextHop.split('.').map(Number)],
  }
  const bad: readonly (readonly number[])[] = [
    [0x40, 1, 1, 9], // ORIGIN: no such value
    [0x40, 1, 2, 0, 0], // ORIGIN: too long
    [0x40, 3, 3, 1, 2, 3], // NEXT_HOP: too short
    [0x80, 4, 3, 0, 0, 1], // MULTI_EXIT_DISC: too short
    [0xc0, 7, 3, 1, 2, 3], // AGGREGATOR: too short
    [0xc0, 8, 3, 1, 2, 3], // COMMUNITIES: no multiple of four
  ]
  const wrong = dice.pick(bad)
  const attributes = [good.origin, good.asPath, good.nextHop]
    .map(one => (one[1] === wrong[1] ? wrong : one))
    .concat(wrong[1]! > 3 ? [wrong] : [])
    .flat()
  const prefix = [25, 192, 0, 2, 128]
  const length = 23 + attributes.length + prefix.length
  const marker = Array.from({ length: 16 }, () => 0xff)
  return Uint8Array.from([
    ...marker,
    length >> 8,
    length & 0xff,
    2,
    0,
    0,
    attributes.length >> 8,
    attributes.length & 0xff,
    ...attributes,
    ...prefix,
  ])
}
