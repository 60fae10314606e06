import type { Invariant } from './invariant.ts'

/** Seen from outside: timers, connections, watches, and what is asked of the API server, however bad the weather. */
export const everythingIsBounded: Invariant = {
  name: 'every queue, table, wait and retry has a bound',
  watch: ({ cluster, broken }) => {
    const asked = new Map<string, number>()
    let windowEnds = WINDOW_MS
    let events = 0

    function look(): void {
      for (const { name, life } of cluster.programs) {
        if (life === undefined) continue
        const { most } = life.process.timers
        if (most > MOST_TIMERS) broken(`${name} had ${most} timers`)
        if (life.link.mostInFlight > MOST_WRITES) broken(`${name} had ${life.link.mostInFlight} writes under way`)
      }
      const pairs = cluster.speakers.length * cluster.routers.length
      if (cluster.network.open > pairs * CONNECTIONS_OF_A_PAIR) broken(`${cluster.network.open} connections are open`)
      if (cluster.api.watches > cluster.programs.length * MOST_WATCHES)
        broken(`${cluster.api.watches} watches are open`)
    }

    return {
      onStart: program => void asked.delete(program),
      onRequest: program => void asked.set(program, (asked.get(program) ?? 0) + 1),
      afterEvent: () => {
        if (++events % LOOK_EVERY === 0) look()
        if (cluster.world.now() < windowEnds) return
        windowEnds = cluster.world.now() + WINDOW_MS
        for (const [program, count] of asked)
          if (count > MOST_REQUESTS) broken(`${program} asked the API server ${count} times in ${WINDOW_MS} ms`)
        asked.clear()
      },
    }
  },
}

const LOOK_EVERY = 256
const WINDOW_MS = 10_000
/** In a window, with ten Services and everything failing. */
const MOST_REQUESTS = 600
const MOST_TIMERS = 400
/** What the programs' own constants come to: WRITES_IN_FLIGHT, and one each for the lease and the rest. */
const MOST_WRITES = 34
const MOST_WATCHES = 14
/** One each way, one that is being replaced, and one that nobody has heard the end of. */
const CONNECTIONS_OF_A_PAIR = 6
