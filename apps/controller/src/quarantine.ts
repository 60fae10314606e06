import type { KubeObject } from '@metallb-ts/k8s-watch'
import type { Quarantined } from '@metallb-ts/ipam'
import { parseAddress } from '@metallb-ts/netip'

/** How speakers tell of an address that a stranger has: a ServiceL2Status with this label, and these annotations. */
export const TAKEN_LABEL = 'metallb-ts.io/taken-on'

const ADDRESS = 'metallb-ts.io/address'
const MAC = 'metallb-ts.io/mac'
const INTERFACE = 'metallb-ts.io/interface'

/** What speakers found to be taken, as the allocator keeps it back. What names no address is left out. */
export function takenAddresses(objects: Iterable<KubeObject>): readonly Quarantined[] {
  return [...objects].flatMap(({ metadata }) => {
    const { labels = {}, annotations = {} } = metadata
    const address = parseAddress(annotations[ADDRESS] ?? '')
    const node = labels[TAKEN_LABEL]
    if (!address.ok || node === undefined) return []
    const where = `interface ${annotations[INTERFACE] ?? ''} of node ${node}`
    return [{ address: address.value, reason: `${annotations[MAC] ?? 'somebody'} has it on ${where}`, moves: true }]
  })
}
