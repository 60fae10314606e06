import type { Clock } from '@metallb-ts/runtime'
import type { KubeClient } from './client.ts'
import { EventCorrelator, remember } from './event-correlator.ts'
import { isCode } from './failure.ts'
import { EVENTS, type KubeObject, type Resource } from './resource.ts'

export interface EventSubject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
  }
}

export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface EventRecorder {
  /** Says it of an object, behind everything else: nothing waits for it, and what cannot be written is dropped and counted. */
  record(subject: EventSubject, event: RecordedEvent): void
  /** Events that were dropped: the queue was full, too much was said of one object, or the server would not take them. */
  readonly dropped: number
  /** Writes what waits, for at most `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
}

export interface RecorderInit {
  readonly component: string
  readonly host: string
  /** The group they are written in: both show in `kubectl describe`, each needs its own permission. @default core */
  readonly api?: 'core' | 'events.k8s.io'
}

/** Kubernetes Events: the same said again becomes a count, as `kubectl describe` shows it. */
export function createRecorder(
  { client, clock }: { readonly client: KubeClient; readonly clock: Clock },
  { component, host, api = 'core' }: RecorderInit,
): EventRecorder {
  const dialect = api === 'core' ? CORE : EVENTS_GROUP
  const said = new Map<string, Said>()
  const correlator = new EventCorrelator(() => clock.wallTime())
  const waiting: (() => Promise<void>)[] = []
  let isWriting = false
  let dropped = 0
  let serial = 0

  const write = async (subject: EventSubject, event: RecordedEvent): Promise<void> => {
    const at = clock.wallTime()
    const namespace = subject.metadata.namespace ?? 'default'
    const who = JSON.stringify([namespace, subject.kind, subject.metadata.name, subject.metadata.uid])
    const judged = correlator.judge(who, event)
    if (judged.verdict === 'drop') return void dropped++
    const before = said.get(judged.key)
    if (before !== undefined && at - before.at < AGGREGATE_MS) {
      correlator.giveBack(who)
      const count = before.count + 1
      remember(said, judged.key, { ...before, count })
      if (await isPatched(`${namespace}/${before.name}`, dialect.again(count, at, judged.message))) return
    }
    const name = `${subject.metadata.name}.${at.toString(16)}${(serial++).toString(16)}`
    const created = await client.create<KubeObject>(dialect.resource, {
      metadata: { name, namespace },
      ...dialect.first(subject, { ...event, message: judged.message }, at, { component, host }),
    } as never)
    remember(said, judged.key, { name: created.metadata.name, count: 1, at })
  }

  const isPatched = (key: string, patch: object): Promise<boolean> =>
    client.patch(dialect.resource, key, patch, { type: 'merge' }).then(
      () => true,
      (error: unknown) => {
        if (!isCode(error, 'not-found')) throw error
        return false
      },
    )

  const drain = async (): Promise<void> => {
    if (isWriting) return
    isWriting = true
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next()
    isWriting = false
  }

  return {
    get dropped() {
      return dropped
    },
    record: (subject, event) => {
      if (waiting.length >= MAX_WAITING) return void dropped++
      waiting.push(() => write(subject, event).catch(() => void dropped++))
      void drain()
    },
    flush: timeoutMs =>
      new Promise(resolve => {
        const deadline = clock.now() + timeoutMs
        const look = (): void => {
          if ((waiting.length === 0 && !isWriting) || clock.now() >= deadline) resolve()
          else clock.setTimer(10, look)
        }
        look()
      }),
  }
}

interface Said {
  readonly name: string
  readonly count: number
  readonly at: number
}

const AGGREGATE_MS = 10 * 60_000
const MAX_WAITING = 10_000
const MAX_NOTE = 1_024

/** How an API group spells an Event. */
interface Dialect {
  readonly resource: Resource
  readonly first: (
    subject: EventSubject,
    event: RecordedEvent,
    at: number,
    by: { readonly component: string; readonly host: string },
  ) => object
  readonly again: (count: number, at: number, message: string) => object
}

const CORE: Dialect = {
  resource: EVENTS,
  first: ({ apiVersion, kind, metadata }, event, at, { component, host }) => ({
    involvedObject: { apiVersion, kind, ...metadata },
    ...event,
    source: { component, host },
    reportingComponent: component,
    reportingInstance: host,
    firstTimestamp: seconds(at),
    lastTimestamp: seconds(at),
    count: 1,
  }),
  again: (count, at, message) => ({ count, message, lastTimestamp: seconds(at) }),
}

const EVENTS_GROUP: Dialect = {
  resource: { ...EVENTS, group: 'events.k8s.io' },
  first: ({ apiVersion, kind, metadata }, { type, reason, message }, at, { component, host }) => ({
    regarding: { apiVersion, kind, ...metadata },
    type,
    reason,
    action: reason,
    note: message.slice(0, MAX_NOTE),
    reportingController: component,
    reportingInstance: host,
    eventTime: microseconds(at),
  }),
  again: (count, at) => ({ series: { count, lastObservedTime: microseconds(at) } }),
}

function seconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** MicroTime has six digits, always. */
function microseconds(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}
