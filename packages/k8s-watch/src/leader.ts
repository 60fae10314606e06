import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import type { KubeClient } from './client.ts'
import {
  stepElection,
  type ElectionEffect,
  type ElectionInput,
  type ElectionState,
  type ElectionTimer,
  type Lease,
} from './election.ts'
import { asKubeFailure } from './failure.ts'
import { LEASES } from './resource.ts'

export interface LeaderComponents {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
}

export interface LeaderInit {
  readonly namespace: string
  /** Name of the Lease. */
  readonly name: string
  /** Who we are; unique among the candidates. */
  readonly identity: string
  /** Others take the lease when it was not renewed for this long, in milliseconds. @default 15000 */
  readonly leaseMs?: number
  /** We stop when we could not renew it for this long; less than `leaseMs`. @default 10000 */
  readonly renewDeadlineMs?: number
  /** Between looks, and between renewals. @default 2000 */
  readonly retryMs?: number
  /** From now on we lead. */
  readonly onBegan: () => void
  /** We lead no more: stop acting at once. */
  readonly onEnded: (why: 'lost' | 'stopped') => void
}

/** One of several candidates for a Lease. */
export interface Leader {
  start(): void
  /** Gives the lease up, so that another takes it at its next look. Resolves when that is written, or cannot be. */
  stop(): Promise<void>
  /**
   * Whether we may act: we lead, and renewed in time by our own clock. Ask right before every write that two must not
   * do, since a blocked event loop holds timers back too.
   */
  check(): boolean
  /** How often the lease has changed hands, for those who fence by it. */
  readonly transitions: number
}

/** Leader election as client-go has it: by watching a record change, never by comparing clocks. */
export function createLeader({ client, clock, random }: LeaderComponents, init: LeaderInit): Leader {
  const { namespace, name, identity, leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = init
  const key = `${namespace}/${name}`
  let ended: () => void = () => {}
  let transitions = 0

  const runner = new MachineRunner<ElectionState, ElectionInput, ElectionEffect, ElectionTimer>(
    { clock, random },
    {
      initial: { name: 'stopped' },
      step: (state, input, now) => stepElection({ identity, renewDeadlineMs, retryMs }, state, input, now),
      expired: timer => ({ type: 'expired', timer }),
      perform: effect => perform(effect),
    },
  )

  function perform(effect: ElectionEffect): void {
    switch (effect.type) {
      case 'read':
        return answer(
          client.get<Lease>(LEASES, key).then(
            lease => ({ type: 'read', lease }),
            (error: unknown) => {
              if (asKubeFailure(error).code !== 'not-found') throw error
              return { type: 'read', lease: undefined }
            },
          ),
        )
      case 'write':
        return answer(write(record(effect.over, effect.isTakeOver), effect.over))
      case 'release':
        return answer(
          write(
            { ...effect.over.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() },
            effect.over,
          ),
        )
      case 'began':
        return init.onBegan()
      case 'ended':
        init.onEnded(effect.why)
        return ended()
    }
  }

  function answer(work: Promise<ElectionInput>): void {
    work
      .catch((error: unknown): ElectionInput => ({ type: 'failed', code: asKubeFailure(error).code }))
      .then(input => runner.dispatch(input))
      .catch((error: unknown) => {
        throw error
      })
  }

  async function write(spec: Lease['spec'], over: Lease | undefined): Promise<ElectionInput> {
    const sentAt = clock.now()
    const object = { ...over, metadata: over?.metadata ?? { name, namespace }, spec }
    const lease =
      over === undefined
        ? await client.create<Lease>(LEASES, object)
        : await client.replace<Lease>(LEASES, object as Lease)
    transitions = lease.spec?.leaseTransitions ?? 0
    return { type: 'written', lease, sentAt }
  }

  function record(over: Lease | undefined, isTakeOver: boolean): Lease['spec'] {
    const time = microTime()
    const before = over?.spec ?? {}
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
      renewTime: time,
      acquireTime: isTakeOver ? time : (before.acquireTime ?? time),
      leaseTransitions: (before.leaseTransitions ?? 0) + (isTakeOver && over !== undefined ? 1 : 0),
    }
  }

  /** metav1.MicroTime: six digits, no fewer. */
  function microTime(): string {
    return new Date(clock.wallTime()).toISOString().replace(/(\.\d{3})Z$/, '$1000Z')
  }

  return {
    start: () => runner.dispatch({ type: 'start' }),
    stop: () =>
      new Promise(resolve => {
        if (runner.state.name !== 'leading') {
          runner.dispatch({ type: 'stop' })
          runner.stop()
          return resolve()
        }
        ended = () => {
          runner.stop()
          resolve()
        }
        runner.dispatch({ type: 'stop' })
      }),
    check: () => {
      const { state } = runner
      return state.name === 'leading' && !state.isStopping && clock.now() - state.renewedAt < renewDeadlineMs
    },
    get transitions() {
      return transitions
    },
  }
}
