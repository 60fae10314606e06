import { literal, parsed, unparsed, type Parsed } from './result.ts'

/** An IEEE 802 48-bit hardware address, as an integer from 0 to 2^48-1. Plain numbers compare with `===`. */
export type Mac = number & { readonly mac: unique symbol }

/** Reads `aa:bb:cc:dd:ee:ff` or `aa-bb-cc-dd-ee-ff`, either case. */
export function parseMac(text: string): Parsed<Mac> {
  const match = /^([0-9a-f]{2})([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}$/i.exec(text)
  if (match === null) return unparsed('not-a-mac', text.slice(0, 64))
  return parsed(Number.parseInt(text.replaceAll(/[:-]/g, ''), 16) as Mac)
}

/** A hardware address written in a program. Throws a RangeError on bad text. */
export function mac(text: string): Mac {
  return literal(parseMac(text))
}

export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff as Mac

export function formatMac(mac: Mac): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replaceAll(/(..)(?=.)/g, '$1:')
}

export function macBytes(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(6)
  writeMac(mac, bytes, 0)
  return bytes
}

/** The 6 octets from `offset`; fewer is the caller's mistake and throws a RangeError. */
export function macFromBytes(bytes: Uint8Array, offset = 0): Mac {
  if (bytes.length < offset + 6) throw new RangeError(`a hardware address has 6 octets, not ${bytes.length - offset}`)
  let value = 0
  for (let i = 0; i < 6; i++) value = value * 256 + (bytes[offset + i] ?? 0)
  return value as Mac
}

/** Writes without allocating, for the path of every frame. */
export function writeMac(mac: Mac, bytes: Uint8Array, offset: number): void {
  const high = Math.floor(mac / 0x1_0000_0000)
  bytes[offset] = high >>> 8
  bytes[offset + 1] = high & 255
  bytes[offset + 2] = (mac >>> 24) & 255
  bytes[offset + 3] = (mac >>> 16) & 255
  bytes[offset + 4] = (mac >>> 8) & 255
  bytes[offset + 5] = mac & 255
}

/** Group bit, IEEE 802-2014 §8.2: multicast, and broadcast with it. */
export function isGroupMac(mac: Mac): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1
}
