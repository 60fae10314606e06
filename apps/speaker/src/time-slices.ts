import type { Clock } from '@metallb-ts/runtime'

/** Keeps long work from holding up packets: call it before each part, and wait for what it answers. */
export type TimeSlices = () => Promise<void> | undefined

/** Undefined while this turn of the event loop has time left; else resolves in another turn. */
export function createTimeSlices(clock: Clock): TimeSlices {
  let since: number | undefined
  const next = (): Promise<void> =>
    new Promise(resolve =>
      clock.setTimer(0, () => {
        since = undefined
        resolve()
      }),
    )
  return () => {
    if (since === undefined) {
      since = clock.now()
      clock.setTimer(0, () => (since = undefined))
    }
    return clock.now() - since < SLICE_MS ? undefined : next()
  }
}

const SLICE_MS = 4
