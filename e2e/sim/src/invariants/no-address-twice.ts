import type { Service } from '@metallb-ts/api'
import type { Invariant } from './invariant.ts'
import { addressesOf, keyOf, portsOf, sharingKeyOf } from './services.ts'

/**
 * At rest by what the Services say now; in between by what they have said since the last rest, for a controller hears of
 * a change a little later than it is made.
 */
export const noAddressIsAssignedTwice: Invariant = {
  name: 'no address is assigned to two Services unless they share it',
  watch: ({ cluster, broken }) => {
    let said = new Map<string, Set<string>>()

    function remember(service: Service): void {
      const keys = said.get(keyOf(service)) ?? new Set()
      said.set(keyOf(service), keys.add(sharingKeyOf(service)))
    }

    function look(mayShare: (a: Service, b: Service) => boolean): void {
      const holders = new Map<string, Service[]>()
      for (const service of cluster.objects.services) {
        for (const address of addressesOf(service)) {
          const others = holders.get(address) ?? []
          for (const other of others)
            if (!mayShare(other, service)) broken(`${address}: ${keyOf(other)} and ${keyOf(service)}`)
          holders.set(address, [...others, service])
        }
      }
    }

    return {
      onWrite: ({ collection, type, object }) => {
        if (collection !== 'services' || type === 'DELETED') return
        remember(object as Service)
        look((a, b) => haveCommonKey(said.get(keyOf(a)), said.get(keyOf(b))))
      },
      atRest: () => {
        look((a, b) => sharingKeyOf(a) !== '' && sharingKeyOf(a) === sharingKeyOf(b) && haveNoCommonPort(a, b))
        said = new Map()
        cluster.objects.services.forEach(remember)
        return Promise.resolve()
      },
    }
  },
}

function haveCommonKey(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  return [...(a ?? [])].some(key => key !== '' && b?.has(key) === true)
}

function haveNoCommonPort(a: Service, b: Service): boolean {
  const ports = new Set(portsOf(a))
  return !portsOf(b).some(port => ports.has(port))
}
