import type { Service } from '@metallb-ts/api'
import { SERVICES, type EventRecorder } from '@metallb-ts/k8s-watch'
import type { ServiceEvent } from '@metallb-ts/policy'

export interface EventsBehindParts {
  readonly recorder: Pick<EventRecorder, 'record'>
  /** Whether addresses wait to be written. */
  readonly isBusy: () => boolean
}

/** Kubernetes Events after the statuses: a start gives every Service its address first, and tells afterwards. */
export class EventsBehind {
  readonly #parts: EventsBehindParts
  readonly #held: { readonly service: Service; readonly event: ServiceEvent }[] = []

  constructor(parts: EventsBehindParts) {
    this.#parts = parts
  }

  record(service: Service, event: ServiceEvent): void {
    if (this.#held.length >= MAX_HELD) this.release()
    this.#held.push({ service, event })
    this.look()
  }

  /** Something has been written; perhaps it is quiet now. */
  look(): void {
    if (this.#held.length > 0 && !this.#parts.isBusy()) this.release()
  }

  release(): void {
    for (const { service, event } of this.#held.splice(0)) {
      this.#parts.recorder.record({ apiVersion: 'v1', kind: SERVICES.kind, metadata: service.metadata }, event)
    }
  }
}

const MAX_HELD = 10_000
