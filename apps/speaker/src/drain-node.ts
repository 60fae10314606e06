import { SERVICE_BGP_STATUSES, type ServiceBGPStatus } from '@metallb-ts/api'
import type { Publisher } from '@metallb-ts/event-bus'
import type { KubeClient } from '@metallb-ts/k8s-watch'
import {
  drainFinding,
  drainView,
  NOT_DRAINED,
  stepDrain,
  type DrainEffect,
  type DrainInput,
  type DrainState,
  type DrainTimer,
  type DrainView,
  type DrainWish,
  type Finding,
} from '@metallb-ts/policy'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import type { DrainEvents } from './events.ts'

export interface DrainParts {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
  readonly events: Publisher<DrainEvents>
  /** Services that this node announces now. */
  readonly announced: () => readonly string[]
  /** Services whose routes it would announce if it were not drained. */
  readonly wanted: () => readonly string[]
  readonly isAlive: (node: string) => boolean
  /** Everything has to be decided anew. */
  readonly onChanged: () => void
}

export interface Drain {
  readonly view: DrainView
  /** Undefined while the node is not drained. */
  finding(): Finding | undefined
  /** What the Node says now. */
  wish(wish: DrainWish): void
  /** What is announced has changed. */
  announcedChanged(): void
  stop(): void
}

/** Runs the drain of this node; who else announces a Service is read from the statuses that others write. */
export function createDrain(
  { client, clock, random, events, announced, wanted, isAlive, onChanged }: DrainParts,
  { node, namespace, delayMs }: { readonly node: string; readonly namespace: string; readonly delayMs: number },
): Drain {
  let told = ''
  let wasWished = false
  const runner: MachineRunner<DrainState, DrainInput, DrainEffect, DrainTimer> = new MachineRunner<
    DrainState,
    DrainInput,
    DrainEffect,
    DrainTimer
  >(
    { clock, random },
    {
      initial: NOT_DRAINED,
      step: (state, input) => stepDrain({ delayMs }, state, input),
      perform: effect => (effect.type === 'changed' ? changed() : void survey()),
      expired: timer => ({ type: 'expired', timer }),
    },
  )
  let view = drainView(NOT_DRAINED)

  function changed(): void {
    view = drainView(runner.state)
    onChanged()
    tell()
  }

  function tell(): void {
    const finding = drainFinding(runner.state, announced)
    const text = JSON.stringify([runner.state.name, finding])
    if (text === told) return
    told = text
    const { code, message } = finding ?? {}
    events.publish('drain:moved', {
      to: runner.state.name,
      ...(code !== undefined && { code }),
      ...(message !== undefined && { message }),
    })
  }

  /** A ServiceBGPStatus is written when it is true, and taken back when it no longer is. */
  async function survey(): Promise<void> {
    try {
      const options = { namespace, labelSelector: `metallb.io/node!=${node}` }
      const { items } = await client.list<ServiceBGPStatus>(SERVICE_BGP_STATUSES, options)
      const alive = items.flatMap(({ status }) => (isAlive(status?.node ?? '') ? [status] : []))
      const elsewhere = new Set(alive.map(status => `${status?.serviceNamespace}/${status?.serviceName}`))
      runner.dispatch({ type: 'surveyed', onlyHere: wanted().filter(service => !elsewhere.has(service)) })
    } catch {
      runner.dispatch({ type: 'survey-failed' })
    }
  }

  return {
    get view() {
      return view
    },
    finding: () => drainFinding(runner.state, announced),
    wish: wish => {
      runner.dispatch({ type: 'wished', wish, atStart: !wasWished })
      wasWished = true
    },
    announcedChanged: () => {
      if (runner.state.name !== 'serving') tell()
    },
    stop: () => runner.stop(),
  }
}
