import type { Service } from '@metallb-ts/api'
import { formatAddress, parseAddress } from '@metallb-ts/netip'

export function keyOf({ metadata }: Pick<Service, 'metadata'>): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

/** Addresses in the status, written as one writes them. */
export function addressesOf({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => {
    const address = parseAddress(ip ?? '')
    return address.ok ? [formatAddress(address.value)] : []
  })
}

/** Empty: shares nothing. */
export function sharingKeyOf({ metadata }: Service): string {
  return metadata.annotations?.['metallb.io/allow-shared-ip'] ?? ''
}

export function portsOf({ spec }: Service): readonly string[] {
  return (spec?.ports ?? []).map(({ protocol = 'TCP', port }) => `${protocol} ${port}`)
}
