import { TAKEN } from '@metallb-ts/api'
import type { KubeObject } from '@metallb-ts/k8s-watch'
import type { Quarantined } from '@metallb-ts/ipam'
import { parseAddress } from '@metallb-ts/netip'

/** What speakers found to be taken, as the allocator keeps it back. What names no address is left out. */
export function takenAddresses(objects: Iterable<KubeObject>): readonly Quarantined[] {
  return [...objects].flatMap(({ metadata }) => {
    const { labels = {}, annotations = {} } = metadata
    const address = parseAddress(annotations[TAKEN.address] ?? '')
    const node = labels[TAKEN.label]
    if (!address.ok || node === undefined) return []
    const where = `interface ${annotations[TAKEN.interface] ?? ''} of node ${node}`
    return [
      { address: address.value, reason: `${annotations[TAKEN.mac] ?? 'somebody'} has it on ${where}`, moves: true },
    ]
  })
}
