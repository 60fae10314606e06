import { address, formatMac } from '@metallb-ts/netip'
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
        for (const text of addressesOf(service)) {
          // A sharer may be announced where another is not: what counts is the address.
          if (cluster.objects.services.some(other => other !== service && addressesOf(other).includes(text))) continue
          let found = await cluster.lan.whoHas(address(text))
          // The switch may lose a frame; a client asks again.
          for (let i = 0; i < MOST_QUESTIONS && cluster.scenario.frameLoss > 0 && found.length < wanted.length; i++)
            found = await cluster.lan.whoHas(address(text))
          if (found.join() !== wanted.join())
            broken(`${text} of ${keyOf(service)}: ${found.map(formatMac).join() || 'nobody'} answers, not ${owner}`)
        }
      }
    },
  }),
}

const MOST_QUESTIONS = 20
