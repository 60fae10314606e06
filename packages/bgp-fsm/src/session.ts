import type { Step, TimerEffect } from '@metallb-ts/runtime'
import { inIdle, inWaiting, redial } from './session-connecting.ts'
import { inOpened } from './session-opened.ts'
import type { SessionEffect, SessionInput, SessionSettings, SessionState, SessionTimer } from './session-state.ts'

/** The machine of RFC 4271 §8.2.2, its timers by name. */
export function stepSession(
  settings: SessionSettings,
  state: SessionState,
  input: SessionInput,
): Step<SessionState, SessionEffect | TimerEffect<SessionTimer>> {
  switch (state.name) {
    case 'idle':
      return inIdle(settings, state, input)
    case 'connect':
    case 'active':
      return inWaiting(settings, state, input)
    case 'open-sent':
      return input.type === 'tcp-failed' && !settings.isPassive
        ? redial(settings, state.attempt, input.detail)
        : inOpened(settings, state, input)
    case 'open-confirm':
    case 'established':
      return inOpened(settings, state, input)
  }
}
