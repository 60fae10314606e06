import type { DesiredAddress, LinkStatus } from '@metallb-ts/l2-announcer'
import { formatAddress } from '@metallb-ts/netip'

/** An address of ours for which the kernel answers ARP as well, on every node that has it, owner or not. */
export interface KernelAnswers {
  readonly address: string
  /** The interface that has it, such as kube-ipvs0. */
  readonly holder: string
  /** The interface on which the kernel answers. */
  readonly interface: string
}

/**
 * kube-proxy in IPVS mode puts every LoadBalancer address on an interface of every node, and a kernel with arp_ignore 0
 * answers for any address it has on any interface; hence kube-proxy's strictARP. IPv6 has no such trouble.
 * @param arpIgnore `net.ipv4.conf.<name>.arp_ignore`; the larger of `all` and the interface's own is in force
 */
export function kernelAnswers(
  desired: readonly DesiredAddress[],
  links: readonly LinkStatus[],
  arpIgnore: (name: string) => number,
): readonly KernelAnswers[] {
  const holders = new Map<bigint, string>()
  for (const { link } of links) {
    for (const { address } of link.addresses) if (address.family === 'ipv4') holders.set(address.value, link.name)
  }
  const found = desired.flatMap(({ address }) => {
    const holder = address.family === 'ipv4' ? holders.get(address.value) : undefined
    return holder === undefined ? [] : [{ address: formatAddress(address), holder }]
  })
  if (found.length === 0 || arpIgnore('all') > 0) return []
  const answering = links.find(({ link, arp }) => arp === 'used' && arpIgnore(link.name) === 0)
  return answering === undefined ? [] : found.map(each => ({ ...each, interface: answering.link.name }))
}
