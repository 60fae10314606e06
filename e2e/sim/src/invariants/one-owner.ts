import type { Service } from '@metallb-ts/api'
import { address, formatMac } from '@metallb-ts/netip'
import type { Cluster } from '../cluster.ts'
import { expectedOwner } from '../expectation.ts'
import type { Invariant } from './invariant.ts'
import { addressesOf, keyOf } from './services.ts'

/** Views are equal at rest: then a client that asks hears the elected node, and nobody else; nobody at all where nobody may. */
export const oneCandidateOwnsAnAddress: Invariant = {
  name: 'with equal views exactly one candidate owns an address at layer 2',
  watch: ({ cluster, broken }) => ({
    atRest: async () => {
      for (const service of cluster.objects.services) {
        const owner = expectedOwner(cluster, service)
        const wanted = cluster.speakers.filter(({ machine }) => machine.node === owner).map(it => it.machine.lan.mac)
        const [elects = ''] = addressesOf(service)
        for (const text of addressesOf(service)) {
          const isShared = [elects, text].some(each => sharersOf(each, cluster).length > 1)
          let found = await cluster.lan.whoHas(address(text))
          // The switch may lose a frame; a client asks again.
          for (let i = 0; i < MOST_QUESTIONS && cluster.scenario.frameLoss > 0 && found.length < wanted.length; i++)
            found = await cluster.lan.whoHas(address(text))
          // Sharers choose together, and with the first address of a Service go all that it has.
          if (isShared ? found.length > 1 : found.join() !== wanted.join())
            broken(`${text} of ${keyOf(service)}: ${found.map(formatMac).join() || 'nobody'} answers, not ${owner}`)
        }
      }
    },
  }),
}

const MOST_QUESTIONS = 20

function sharersOf(text: string, { objects }: Cluster): readonly Service[] {
  return objects.services.filter(service => addressesOf(service).includes(text))
}
