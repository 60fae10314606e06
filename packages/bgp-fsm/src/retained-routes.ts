import type { Family } from '@metallb-ts/netip'
import { MachineRunner, type MachineComponents } from '@metallb-ts/runtime'
import type { CloseReason } from './close-reason.ts'
import { isBridged, type PeerRestart, type RestartHelp, type RestartTerms } from './peer-restart.ts'
import { keyOf, type ReceivedRoutes } from './received.ts'
import {
  stepRetention,
  type RetentionEffect,
  type RetentionInput,
  type RetentionState,
  type RetentionTimer,
  type SweepReason,
} from './retention.ts'
import { WELL_KNOWN_COMMUNITIES } from './route.ts'
import type { NlriPrefix } from './wire/nlri.ts'

/** What becomes of routes whose session ended. */
export type RetainedChange =
  /** Their session is over, and they stay until they are announced again or go. */
  | { readonly type: 'stale'; readonly prefixes: readonly NlriPrefix[] }
  /** They stay for want of anything better: least preferred, with the community LLGR_STALE (RFC 9494 §4.3). */
  | { readonly type: 'long-lived-stale'; readonly prefixes: readonly NlriPrefix[] }
  /** They were not announced again. */
  | {
      readonly type: 'swept'
      readonly prefixes: readonly NlriPrefix[]
      readonly because: SweepReason | 'session-ended'
    }

interface Kept {
  readonly prefix: NlriPrefix
  /** RFC 9494 §4.4: its origin does not want it to live that long. */
  readonly refusesLongLife: boolean
  isStale: boolean
}

/** The prefixes that one peer announced, through its restarts. Keeps nothing of a route but its name and age. */
export class RetainedRoutes {
  readonly #help: Required<Omit<RestartHelp, 'longLivedSeconds'>> & { readonly longLivedSeconds: number }
  readonly #onChange: (change: RetainedChange) => void
  readonly #families: Readonly<Record<Family, Map<string, Kept>>> = { ipv4: new Map(), ipv6: new Map() }
  readonly #machines: Readonly<
    Record<Family, MachineRunner<RetentionState, RetentionInput, RetentionEffect, RetentionTimer>>
  >
  #isOverfull = false

  constructor(components: MachineComponents, help: RestartHelp, onChange: (change: RetainedChange) => void) {
    this.#help = { ...DEFAULTS, longLivedSeconds: 0, ...help }
    this.#onChange = onChange
    const machine = (family: Family): MachineRunner<RetentionState, RetentionInput, RetentionEffect, RetentionTimer> =>
      new MachineRunner<RetentionState, RetentionInput, RetentionEffect, RetentionTimer>(components, {
        initial: { name: 'fresh' },
        step: (state, input) => stepRetention(this.#help, state, input),
        perform: effect => this.#perform(family, effect),
        expired: timer => ({ type: 'expired', timer }),
      })
    this.#machines = { ipv4: machine('ipv4'), ipv6: machine('ipv6') }
  }

  routes({ announced, withdrawn, rejected, attributes }: ReceivedRoutes): void {
    for (const prefix of withdrawn) this.#families[prefix.address.family].delete(keyOf(prefix))
    for (const { prefix } of rejected) this.#families[prefix.address.family].delete(keyOf(prefix))
    const communities = attributes.find(one => one.kind === 'communities')?.values ?? []
    const refusesLongLife = communities.includes(WELL_KNOWN_COMMUNITIES['no-llgr'])
    for (const prefix of announced) {
      const kept = this.#families[prefix.address.family]
      if (kept.size >= this.#help.mostPrefixes && !kept.has(keyOf(prefix))) this.#isOverfull = true
      else kept.set(keyOf(prefix), { prefix, refusesLongLife, isStale: false })
    }
  }

  endOfRib(family: Family): void {
    this.#machines[family].dispatch({ type: 'end-of-rib' })
  }

  established(peer: PeerRestart | undefined): void {
    for (const family of FAMILIES) {
      const isKept = peer?.families.get(family)?.isForwarding === true
      this.#machines[family].dispatch({ type: 'established', isKept })
    }
  }

  /** The session ended; `peer` is what its OPEN had said. False when nothing is kept of it. */
  lost(reason: CloseReason, peer: PeerRestart | undefined): boolean {
    const isKept = !this.#isOverfull && peer !== undefined && isBridged(reason, peer)
    this.#isOverfull = false
    for (const family of FAMILIES) {
      const terms = isKept ? this.#limited(peer.families.get(family)) : undefined
      this.#machines[family].dispatch({ type: 'lost', terms })
    }
    return FAMILIES.some(family => this.#machines[family].state.name !== 'fresh')
  }

  /** The way to the peer does not work, restart or not (RFC 5882 §4.3): what waits for its return goes. */
  pathFailed(): void {
    for (const family of FAMILIES) this.#machines[family].dispatch({ type: 'path-failed' })
  }

  /** The peer is gone for good: everything goes. */
  stop(): void {
    for (const family of FAMILIES) {
      this.#machines[family].stop()
      this.#perform(family, { type: 'drop' })
    }
  }

  #limited(terms: RestartTerms | undefined): RestartTerms | undefined {
    if (terms === undefined) return undefined
    const { longestSeconds, longLivedSeconds } = this.#help
    return {
      ...terms,
      restartSeconds: Math.min(terms.restartSeconds, longestSeconds),
      longLivedSeconds: Math.min(terms.longLivedSeconds, longLivedSeconds),
    }
  }

  #perform(family: Family, effect: RetentionEffect): void {
    const kept = this.#families[family]
    switch (effect.type) {
      case 'mark-stale':
        for (const one of kept.values()) one.isStale = true
        return this.#tell({ type: 'stale', prefixes: Array.from(kept.values(), ({ prefix }) => prefix) })
      case 'mark-long-lived': {
        const isShort = ({ isStale, refusesLongLife }: Kept): boolean => isStale && refusesLongLife
        this.#tell({ type: 'swept', prefixes: this.#remove(family, isShort), because: 'not-back-in-time' })
        const prefixes = [...kept.values()].filter(({ isStale }) => isStale).map(({ prefix }) => prefix)
        return this.#tell({ type: 'long-lived-stale', prefixes })
      }
      case 'sweep': {
        const prefixes = this.#remove(family, ({ isStale }) => isStale)
        return this.#tell({ type: 'swept', prefixes, because: effect.because })
      }
      case 'drop':
        return this.#tell({ type: 'swept', prefixes: this.#remove(family, () => true), because: 'session-ended' })
    }
  }

  #remove(family: Family, isMeant: (one: Kept) => boolean): NlriPrefix[] {
    const kept = this.#families[family]
    const gone = [...kept].filter(([, one]) => isMeant(one))
    for (const [key] of gone) kept.delete(key)
    return gone.map(([, { prefix }]) => prefix)
  }

  #tell(change: RetainedChange): void {
    if (change.prefixes.length > 0) this.#onChange(change)
  }
}

const FAMILIES = ['ipv4', 'ipv6'] as const
const DEFAULTS = { longestSeconds: 120, staleSeconds: 360, mostPrefixes: 100_000 } as const
