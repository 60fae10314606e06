/** The client of the segment. */
export const CLIENT = '10.88.0.1'
/** An address that keepalived holds. */
export const VIRTUAL = '10.88.0.200'
/** The one whose datagrams are counted; the others follow it. */
export const FIRST: string = vip(0)

/** The address that number `i` is. */
export function vip(i: number): string {
  return `10.88.${1 + (i >> 8)}.${i & 255}`
}

/** The address of node number `i`. */
export function nodeAddress(i: number): string {
  return `10.88.0.${10 + i}`
}
