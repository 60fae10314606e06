import { formatPrefix } from '@metallb-ts/netip'
import { BAD_PREFIX } from '../network/bad-update.ts'
import type { Invariant } from './invariant.ts'

/** Whatever the bad UPDATEs of the weather do, they end no session, and take no other route with them. */
export const oneBadUpdateCostsItsRoutes: Invariant = {
  name: 'one bad attribute of an UPDATE costs at most the routes of that UPDATE',
  watch: ({ broken }) => {
    const closed = (who: string, name: string, detail: unknown): void => {
      if (name !== 'bgp:closed') return
      const { peer, reason, sentence } = detail as {
        readonly peer: string
        readonly reason: { readonly code: string; readonly error?: { readonly errorCode: number } }
        readonly sentence: string
      }
      const isOurs = reason.code === 'notification-sent' && [MESSAGE_HEADER, UPDATE].includes(reason.error!.errorCode)
      if (isOurs) broken(`${who} ends its session with ${peer}: ${sentence}`)
    }
    return {
      onEvent: closed,
      onRouterEvent: (router, name, detail) => closed(router.name, name, detail),
      onRib: (router, node, change) => {
        if (change.type !== 'routes') return
        const gone = change.withdrawn.map(formatPrefix)
        if (gone.includes(BAD_PREFIX) && gone.length > 1) broken(`${router.name} loses ${gone.join()} of ${node}`)
      },
    }
  },
}

/** Errors of RFC 4271 §6.1 and §6.3. */
const MESSAGE_HEADER = 1
const UPDATE = 3
