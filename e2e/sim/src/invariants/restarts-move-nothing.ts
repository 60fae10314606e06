import type { Service } from '@metallb-ts/api'
import type { Invariant } from './invariant.ts'
import { addressesOf } from './services.ts'

/** An address leaves a Service only when somebody has changed that Service, or a pool, since the last rest. */
export const restartingMovesNothing: Invariant = {
  name: 'restarting any process changes no assignment',
  watch: ({ broken }) => {
    let touched = new Set<string>()
    let arePoolsTouched = false
    return {
      onWrite: ({ collection, type, key, object, previous }) => {
        if (collection === 'ipaddresspools.metallb.io') {
          arePoolsTouched ||= type !== 'MODIFIED' || meantBy(object) !== meantBy(previous)
        } else if (collection === 'services' && type === 'MODIFIED' && previous !== undefined) {
          if (meantBy(object) !== meantBy(previous)) touched.add(key)
          const [before, after] = [addressesOf(previous as Service), addressesOf(object as Service)]
          const isMoved = before.some(address => !after.includes(address))
          if (isMoved && !touched.has(key) && !arePoolsTouched)
            broken(`${key}: ${before.join()} became ${after.join()}`)
        } else if (collection === 'services') touched.add(key)
      },
      atRest: () => {
        touched = new Set()
        arePoolsTouched = false
        return Promise.resolve()
      },
    }
  },
}

/** What people write into an object, as against what controllers do. */
function meantBy(object: object | undefined): string {
  const { metadata, spec } = (object ?? {}) as Service
  const { 'metallb.io/ip-allocated-from-pool': _ours, ...annotations } = metadata?.annotations ?? {}
  return JSON.stringify([annotations, metadata?.labels, spec])
}
