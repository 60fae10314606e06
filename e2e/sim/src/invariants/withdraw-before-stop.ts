import type { Invariant } from './invariant.ts'

/** A speaker that is told to stop has taken every route back before its session ends, and answers for nothing when it is gone. */
export const withdrawingComesFirst: Invariant = {
  name: 'withdrawing comes before stopping',
  watch: ({ cluster, weather, broken }) => {
    const answered = new Map<string, readonly string[]>()
    return {
      answers: (node, addresses) => void answered.set(node, addresses),
      onRib: (router, node, change) => {
        const isOver = change.type === 'session-ended' || change.type === 'stale'
        const speaker = cluster.speakers.find(({ machine }) => machine.node === node)!
        const isDisturbed = weather.disturbedAt(node, router.name) >= speaker.stopAskedAt - SETTLE_MS
        const isUnderWay = cluster.world.now() - speaker.stopAskedAt > MOST_WAIT_MS
        if (!isOver || speaker.stopAskedAt === Infinity || isDisturbed || isUnderWay) return
        const left = router.known(node)
        if (left.length > 0) broken(`${node} left ${left.join()} at ${router.name}`)
      },
      atEnd: () => {
        for (const { speaker, router } of cluster.pairs()) {
          const left = router.known(speaker.machine.node)
          if (left.length > 0) broken(`${speaker.machine.node} is gone, and ${router.name} knows ${left.join()}`)
        }
        for (const [node, addresses] of answered)
          if (addresses.length > 0) broken(`${node} is gone, and answers for ${addresses.join()}`)
        return Promise.resolve()
      },
    }
  },
}

/** Trouble just before the stop may be unnoticed by it. */
const SETTLE_MS = 60_000
/** A peer that takes nothing is waited for no longer. */
const MOST_WAIT_MS = 2_000
