import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import type { BgpEvents } from '../events.ts'
import type { SpeakerComponents } from '../speaker.ts'
import { tcpTransport } from './tcp.ts'

/** What a speaker needs, of this machine: its clock, its chance, its TCP, and a bus of its own to subscribe to. */
export interface RealComponents extends SpeakerComponents {
  /** A handler that throws is a bug, and ends the process as any error that nobody catches does. */
  readonly events: EventBus<BgpEvents>
}

/** The real world for `createSpeaker`. Spread it to put something else in the place of a part. */
export function realComponents(): RealComponents {
  const onHandlerError = (error: unknown): void =>
    queueMicrotask(() => {
      throw error
    })
  return {
    clock: REAL_CLOCK,
    random: realRandom(),
    transport: tcpTransport(),
    events: new EventBus<BgpEvents>({ now: () => REAL_CLOCK.now(), onHandlerError }),
  }
}
