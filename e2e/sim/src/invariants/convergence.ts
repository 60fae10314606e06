import { address, parseRange, rangeContains } from '@metallb-ts/netip'
import { ADDRESS_CONDITION } from '@metallb-ts/policy'
import { expectedRoutes } from '../expectation.ts'
import type { Invariant, Sight } from './invariant.ts'
import { addressesOf, keyOf, sharingKeyOf } from './services.ts'

/** After a storm everything is as if there had been none. */
export const everythingComesRight: Invariant = {
  name: 'when nothing stands in the way, everything comes right',
  watch: sight => ({
    atRest: () => {
      lookAtRouters(sight)
      lookAtWaiting(sight)
      return Promise.resolve()
    },
  }),
}

function lookAtRouters({ cluster, broken }: Sight): void {
  for (const { speaker, router } of cluster.pairs()) {
    const wanted = expectedRoutes(cluster, speaker.machine.node, router.name)
    const known = router.known(speaker.machine.node)
    if (known.join() !== wanted.join())
      broken(
        `${router.name} knows of ${speaker.machine.node} ${known.join() || 'nothing'}, not ${wanted.join() || 'nothing'}`,
      )
  }
}

/** Nobody waits for what is to be had. */
function lookAtWaiting({ cluster, broken }: Sight): void {
  const { services, pools } = cluster.objects
  const held = new Set(services.flatMap(addressesOf))
  for (const service of services) {
    const { spec = {}, status, metadata } = service
    const condition = status?.conditions?.find(({ type }) => type === ADDRESS_CONDITION)
    const isServed = addressesOf(service).length > 0
    if (spec.type !== 'LoadBalancer') {
      if (isServed || condition !== undefined) broken(`${keyOf(service)} is none of ours, and has what is ours`)
      continue
    }
    if (condition?.status !== (isServed ? 'True' : 'False'))
      broken(`${keyOf(service)} has ${addressesOf(service).join() || 'no address'}, and says ${condition?.message}`)
    const isChoosy = metadata.annotations?.['metallb.io/loadBalancerIPs'] !== undefined || sharingKeyOf(service) !== ''
    if (isServed || isChoosy || spec.ipFamilies?.length !== 1) continue
    const named = metadata.annotations?.['metallb.io/address-pool']
    const family = spec.ipFamilies[0] === 'IPv6' ? 'ipv6' : 'ipv4'
    for (const pool of pools) {
      if (named === undefined ? pool.spec.autoAssign === false : named !== pool.metadata.name) continue
      const ranges = pool.spec.addresses.flatMap(text => {
        const range = parseRange(text)
        return range.ok && range.value.first.family === family ? [range.value] : []
      })
      const size = ranges.reduce((sum, { first, last }) => sum + last.value - first.value + 1n, 0n)
      const used = [...held].filter(text => ranges.some(range => rangeContains(range, address(text)))).length
      if (BigInt(used) < size)
        broken(`${keyOf(service)} waits, and ${pool.metadata.name} has an address: ${condition?.message}`)
    }
  }
}
