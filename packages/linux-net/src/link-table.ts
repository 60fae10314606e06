import { formatAddress } from '@metallb-ts/netip'
import type { InterfaceAddress, LinkFacts, LinkMessage } from './netlink.ts'

/** An interface with its addresses. */
export interface Link extends LinkFacts {
  readonly addresses: readonly InterfaceAddress[]
}

/** The interfaces of this namespace, as the messages of netlink add up. */
export class LinkTable {
  readonly #links = new Map<number, LinkFacts>()
  readonly #addresses = new Map<number, Map<string, InterfaceAddress>>()

  /** By index. */
  links(): readonly Link[] {
    return [...this.#links.values()]
      .sort((a, b) => a.index - b.index)
      .map(link => ({ ...link, addresses: [...(this.#addresses.get(link.index)?.values() ?? [])] }))
  }

  /** True when something is different now. */
  apply(message: LinkMessage): boolean {
    switch (message.type) {
      case 'link':
        return this.#setLink(message.link)
      case 'link-gone':
        this.#addresses.delete(message.index)
        return this.#links.delete(message.index)
      case 'address':
        return this.#setAddress(message.index, message.address)
      case 'address-gone':
        return this.#addresses.get(message.index)?.delete(key(message.address)) ?? false
      case 'done':
      case 'error':
        return false
    }
  }

  /** Before a new dump: what is not in it is gone. */
  clear(): void {
    this.#links.clear()
    this.#addresses.clear()
  }

  #setLink(link: LinkFacts): boolean {
    const before = this.#links.get(link.index)
    this.#links.set(link.index, link)
    return before === undefined || JSON.stringify(before) !== JSON.stringify(link)
  }

  #setAddress(index: number, address: InterfaceAddress): boolean {
    const addresses = this.#addresses.get(index) ?? new Map<string, InterfaceAddress>()
    this.#addresses.set(index, addresses)
    const before = addresses.get(key(address))
    addresses.set(key(address), address)
    return before?.isTentative !== address.isTentative
  }
}

function key({ address, prefixLength }: InterfaceAddress): string {
  return `${formatAddress(address)}/${prefixLength}`
}
