import type { Clock } from '@metallb-ts/runtime'
import type { KubeClient } from './client.ts'
import { isCode } from './failure.ts'
import { EVENTS, type KubeObject } from './resource.ts'

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

export interface EventRecorder {
  /** Says it of an object, behind everything else: nothing waits for it, and what cannot be written is dropped and counted. */
  record(
    subject: EventSubject,
    event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
  ): void
  /** Events that were dropped: the queue was full, or the server would not take them. */
  readonly dropped: number
  /** Writes what waits, for at most `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
}

/** Kubernetes Events (core/v1): the same said again becomes a count, as `kubectl describe` shows it. */
export function createRecorder(
  { client, clock, now }: { readonly client: KubeClient; readonly clock: Clock; readonly now?: () => number },
  { component, host }: { readonly component: string; readonly host: string },
): EventRecorder {
  const wall = now ?? (() => clock.wallTime())
  const said = new Map<string, Said>()
  const waiting: (() => Promise<void>)[] = []
  let isWriting = false
  let dropped = 0
  let serial = 0

  const write = async (
    key: string,
    subject: EventSubject,
    event: { type: string; reason: string; message: string },
  ): Promise<void> => {
    const time = new Date(wall()).toISOString().replace(/\.\d+Z$/, 'Z')
    const before = said.get(key)
    const namespace = subject.metadata.namespace ?? 'default'
    if (before !== undefined && wall() - before.at < AGGREGATE_MS) {
      const count = before.count + 1
      said.set(key, { ...before, count })
      const patch = { count, lastTimestamp: time }
      const gone = await client.patch(EVENTS, `${namespace}/${before.name}`, patch, { type: 'merge' }).then(
        () => false,
        (error: unknown) => {
          if (!isCode(error, 'not-found')) throw error
          return true
        },
      )
      if (!gone) return
    }
    const created = await client.create<KubeObject>(EVENTS, {
      metadata: { name: `${subject.metadata.name}.${wall().toString(16)}${(serial++).toString(16)}`, namespace },
      involvedObject: { apiVersion: subject.apiVersion, kind: subject.kind, ...subject.metadata },
      ...event,
      source: { component, host },
      reportingComponent: component,
      reportingInstance: host,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    } as never)
    if (said.size >= MAX_REMEMBERED) said.delete(said.keys().next().value!)
    said.set(key, { name: created.metadata.name, count: 1, at: wall() })
  }

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
      if (waiting.length >= MAX_WAITING) {
        dropped++
        return
      }
      const { uid = '', name, namespace = '' } = subject.metadata
      const key = JSON.stringify([uid, namespace, name, event.type, event.reason, event.message])
      waiting.push(() =>
        write(key, subject, event).catch(() => {
          dropped++
        }),
      )
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
const MAX_REMEMBERED = 4_096
const MAX_WAITING = 10_000
