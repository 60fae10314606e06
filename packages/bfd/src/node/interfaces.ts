import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { interfaceIndex } from '@metallb-ts/linux-net/node'
import { parseAddress, parseMac, parsePrefix, prefixContains, type Address, type Mac } from '@metallb-ts/netip'

/** An interface with an address of ours on it. */
export interface OwnLink {
  readonly name: string
  readonly index: number
  readonly mac: Mac
  readonly address: Address
}

/** Where an IPv4 neighbour is: on the interface that is named, or the one whose subnet it is in. */
export function linkTo(remote: Address, name: string | undefined, local: Address | undefined): OwnLink | undefined {
  for (const [candidate, entries] of Object.entries(networkInterfaces())) {
    if (name !== undefined && candidate !== name) continue
    for (const { cidr, mac: hardware, address: text, family } of entries ?? []) {
      const [subnet, mac, address] = [parsePrefix(cidr ?? ''), parseMac(hardware), parseAddress(text)]
      if (family !== 'IPv4' || !subnet.ok || !mac.ok || !address.ok) continue
      if (name === undefined && !prefixContains(subnet.value, remote)) continue
      const index = interfaceIndex(candidate)
      return { name: candidate, index, mac: mac.value, address: local ?? address.value }
    }
  }
  return undefined
}

/** The hardware address of an IPv4 neighbour that the kernel has resolved. */
export function neighborMac(remote: string, interfaceName: string): Mac | undefined {
  for (const line of readFileSync('/proc/net/arp', 'utf8').split('\n')) {
    const [address, , flags, hardware, , device] = line.split(/\s+/)
    if (address !== remote || device !== interfaceName || (Number(flags) & ARP_COMPLETE) === 0) continue
    const mac = parseMac(hardware ?? '')
    return mac.ok ? mac.value : undefined
  }
  return undefined
}

const ARP_COMPLETE = 0x2
