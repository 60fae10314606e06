import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import type { Clock } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'
import type { Stores } from './stores.ts'

export interface StartupParts {
  readonly bus: EventBus<SpeakerEvents>
  readonly clock: Clock
  readonly bgp: BgpSpeaker
  readonly stores: Stores
  /** Once. */
  readonly onReady: () => void
}

/** How far the start of this process has come. */
export interface Startup {
  /** Every Service has been looked at once. */
  worked(): void
  /** The clock's milliseconds when it became ready; undefined before. */
  readonly readyAt: number | undefined
  /** Why it is not ready, or no longer well. */
  troubles(): readonly string[]
}

/** Ready is who has read everything, looked at every Service, and tried every session. */
export function createStartup({ bus, clock, bgp, stores, onReady }: StartupParts): Startup {
  const startedAt = clock.now()
  const tried = new Set<string>()
  let works = false
  let readyAt: number | undefined

  function look(): void {
    if (!works || readyAt !== undefined || untried().length > 0) return
    readyAt = clock.now()
    bus.publish('process:ready', { sinceStartMs: Math.round(readyAt - startedAt) })
    onReady()
  }

  /** A router that announces itself may never come: looking for it is all that can be tried. */
  function untried(): readonly string[] {
    return [...bgp.peers.values()]
      .filter(({ init, remote }) => remote !== undefined && init.passive !== true && !tried.has(init.name))
      .map(({ init }) => init.name)
  }

  for (const name of ['bgp:established', 'bgp:closed', 'bgp:attempt-failed'] as const)
    bus.subscribe(name, ({ detail: { peer } }) => {
      tried.add(peer)
      look()
    })
  bus.subscribe('config:applied', () => look())

  return {
    worked: () => {
      if (works) return
      works = true
      bgp.markSynced()
      const sinceStartMs = Math.round(clock.now() - startedAt)
      bus.publish('process:works', { services: stores.services.size, sinceStartMs })
      look()
    },
    get readyAt() {
      return readyAt
    },
    troubles: () => {
      const lost = stores.all.flatMap(({ resource, trouble }) =>
        trouble === undefined ? [] : [`${resource.plural}: ${trouble}`],
      )
      if (readyAt !== undefined) return lost
      if (works) return [...lost, ...untried().map(peer => `BGPPeer ${peer}: its session was not tried yet`)]
      const behind = stores.all
        .filter(({ isSynced }) => !isSynced)
        .map(({ resource }) => `${resource.plural}: not read yet`)
      return [...behind, ...lost, 'the first pass over all Services is not done']
    },
  }
}
