import { addressBytes, formatAddress, type Address } from '@metallb-ts/netip'
import type { DesiredAddress } from './desired.ts'

/** One address we answer for, in the forms that frames need. */
export interface Announced {
  readonly address: Address
  /** Canonical text. */
  readonly text: string
  /** Network order: 4 or 16 octets. */
  readonly bytes: Uint8Array
  readonly interfaces: 'all' | ReadonlySet<string>
}

/**
 * Address -> interfaces, for the look-up of every frame. Immutable: a new desired state makes a new table, so that a
 * frame sees the old truth or the new one and nothing between.
 */
export class AnnouncedTable {
  static readonly EMPTY: AnnouncedTable = new AnnouncedTable([])

  readonly #all: readonly Announced[]
  readonly #byText = new Map<string, Announced>()
  readonly #ipv4 = new Map<number, Announced>()
  readonly #ipv6 = new Map<number, Announced[]>() // by the last 32 bits: numbers need no allocation to look up

  /** An address named twice is answered on the union of its interfaces. */
  constructor(desired: readonly DesiredAddress[]) {
    for (const each of desired) {
      const alone = announcedAlone(each)
      const before = this.#byText.get(alone.text)
      this.#byText.set(alone.text, before === undefined ? alone : united(before, alone))
    }
    this.#all = [...this.#byText.values()]
    for (const entry of this.#all) {
      const key = lastWord(entry.bytes)
      if (entry.address.family === 'ipv4') this.#ipv4.set(key, entry)
      else this.#ipv6.set(key, [...(this.#ipv6.get(key) ?? []), entry])
    }
  }

  get size(): number {
    return this.#all.length
  }

  entries(): readonly Announced[] {
    return this.#all
  }

  get(text: string): Announced | undefined {
    return this.#byText.get(text)
  }

  /** @param address the four octets as an unsigned integer */
  findIpv4(address: number): Announced | undefined {
    return this.#ipv4.get(address)
  }

  /** The entry of the 16 octets at `offset`, which the caller knows to be there. */
  findIpv6(bytes: Uint8Array, offset: number): Announced | undefined {
    const bucket = this.#ipv6.get(wordAt(bytes, offset + 12))
    if (bucket === undefined) return undefined
    for (const entry of bucket) if (isAt(entry.bytes, bytes, offset)) return entry
    return undefined
  }
}

/** Is the address answered on this interface, as far as its restriction goes? */
export function admits(entry: Announced, interfaceName: string): boolean {
  return entry.interfaces === 'all' || entry.interfaces.has(interfaceName)
}

function announcedAlone(desired: DesiredAddress): Announced {
  const known = forms.get(desired)
  if (known !== undefined) return known
  const { address, interfaces } = desired
  const form: Announced = {
    address,
    text: formatAddress(address),
    bytes: addressBytes(address),
    interfaces: interfaces === 'all' ? 'all' : new Set(interfaces),
  }
  forms.set(desired, form)
  return form
}

/** Most of a desired state are objects of the one before. */
const forms = new WeakMap<DesiredAddress, Announced>()

function united(a: Announced, b: Announced): Announced {
  if (a.interfaces === 'all' || b.interfaces === 'all') return { ...a, interfaces: 'all' }
  return { ...a, interfaces: new Set([...a.interfaces, ...b.interfaces]) }
}

function lastWord(bytes: Uint8Array): number {
  return wordAt(bytes, bytes.length - 4)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function isAt(wanted: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== bytes[offset + i]) return false
  return true
}
