import type { AnyEnvelope, EventBus } from './event-bus.ts'

export interface Recorder<Events> {
  /** Oldest first, at most `capacity` of them. */
  events(): readonly AnyEnvelope<Events>[]
  stop(): void
}

/**
 * Keeps the last events of a bus: the first thing in a bug report, and the trace compared between two runs of one seed.
 * @param capacity how many are kept; @default 512
 */
export function recordEvents<Events>(bus: EventBus<Events>, capacity = 512): Recorder<Events> {
  const ring: AnyEnvelope<Events>[] = []
  let next = 0
  const stop = bus.subscribeAll(event => {
    ring[next] = event
    next = (next + 1) % capacity
  })
  return { events: () => [...ring.slice(next), ...ring.slice(0, next)], stop }
}
