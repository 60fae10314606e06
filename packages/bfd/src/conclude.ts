import type { TimerEffect } from '@metallb-ts/runtime'
import { echoDeadline, echoTimers, withEcho } from './echo.ts'
import {
  bindingIntervals,
  detectionDeadline,
  jitteredDelay,
  maySpeak,
  transmitIntervalMs,
  wantedIntervals,
} from './intervals.ts'
import { pollAfterSending, pollForChange, setsPoll } from './poll.ts'
import type { Reaction, SessionAnswer, SessionEffects, SessionInput, SessionTimer } from './session.ts'
import type { SessionSettings, SessionState } from './session-state.ts'
import { rewatch } from './watch.ts'
import type { ControlPacket } from './wire/control-packet.ts'

/** What follows from a reaction, whatever caused it: the intervals of the new state, packets, and timers. */
export function conclude(
  settings: SessionSettings,
  before: SessionState,
  reaction: Reaction,
  input: SessionInput,
  now: number,
): SessionAnswer {
  const agreed = withEcho(settings, withIntervals(settings, reaction.state), now)
  const spoken = speak(settings, before, { ...reaction, state: agreed }, now)
  const scheduled = schedule(settings, before, spoken.state, input, now)
  const { state } = scheduled
  const detection = rewatch(state.detection, DETECTION_TIMERS, detectionDeadline(state), input, now)
  const echoLoss = rewatch(state.echoLoss, ECHO_LOSS_TIMERS, echoDeadline(settings, state), input, now)
  return {
    state: { ...state, detection: detection.watch, echoLoss: echoLoss.watch },
    effects: [
      ...spoken.packets.map(packet => ({ type: 'send' as const, packet })),
      ...moved(before, reaction),
      ...(reaction.effects ?? []),
      ...scheduled.timers,
      ...detection.timers,
      ...echoTimers(settings, before, state, input),
      ...echoLoss.timers,
    ],
  }
}

const DETECTION_TIMERS = { due: 'detect-due', confirmed: 'detect' } as const
const ECHO_LOSS_TIMERS = { due: 'echo-due', confirmed: 'echo-lost' } as const
const FINAL_SPACING_MS = 10 // a flood of Polls is not answered with a flood

function withIntervals({ profile }: SessionSettings, state: SessionState): SessionState {
  const said = wantedIntervals(profile, state.name)
  const used = bindingIntervals(state.used, said, state.name)
  const isSame =
    said.desiredMinTxUs === state.said.desiredMinTxUs && said.requiredMinRxUs === state.said.requiredMinRxUs
  return { ...state, said, used, poll: isSame || state.name === 'admin-down' ? state.poll : pollForChange(state.poll) }
}

function speak(
  settings: SessionSettings,
  before: SessionState,
  { state, isDue = false, isPolled = false }: Reaction,
  now: number,
): { state: SessionState; packets: readonly ControlPacket[] } {
  const isFinal = isPolled && now - state.finalAt >= FINAL_SPACING_MS
  const isScheduled = isDue && transmitIntervalMs(settings.profile, state) !== undefined
  const isUntold = isNews(before, state) && !isFinal && maySpeak(settings.profile, state)
  const finals = isFinal ? [packetOf(settings, state, { isPoll: false, isFinal })] : []
  const finalAt = isFinal ? now : state.finalAt
  if (!isScheduled && !isUntold) return { state: { ...state, finalAt }, packets: finals }
  const packet = packetOf(settings, state, { isPoll: setsPoll(state.poll), isFinal: false })
  return {
    state: { ...state, finalAt, sentAt: now, poll: pollAfterSending(state.poll) },
    packets: [packet, ...finals],
  }
}

/** What the peer should not wait for (RFC 5880 §6.8.7). Intervals go with scheduled packets: they are polled for. */
function isNews(before: SessionState, after: SessionState): boolean {
  if (before.name !== after.name) return true
  const [was, is] = [before.peer?.myDiscriminator, after.peer?.myDiscriminator]
  return was !== undefined && is !== undefined && was !== is
}

function packetOf(
  { discriminator, profile, isEchoPath }: SessionSettings,
  { name, diagnostic, peer, said }: SessionState,
  flags: Pick<ControlPacket, 'isPoll' | 'isFinal'>,
): ControlPacket {
  return {
    ...flags,
    ...said,
    state: name,
    diagnostic,
    isControlPlaneIndependent: false, // our BFD ends with the process that it runs in
    isDemand: false,
    detectMultiplier: profile.detectMultiplier,
    myDiscriminator: discriminator,
    yourDiscriminator: peer?.myDiscriminator ?? 0,
    requiredMinEchoRxUs: profile.echoTarget && isEchoPath ? profile.echoIntervalMs * 1_000 : 0,
  }
}

function moved(before: SessionState, { state, cause }: Reaction): SessionEffects {
  if (cause === undefined || before.name === state.name) return []
  return [{ type: 'moved', from: before.name, to: state.name, cause }]
}

/** Re-armed from the last packet whenever the interval is another one: a peer that was promised more gets it at once. */
function schedule(
  { profile }: SessionSettings,
  before: SessionState,
  state: SessionState,
  input: SessionInput,
  now: number,
): { state: SessionState; timers: readonly TimerEffect<SessionTimer>[] } {
  const interval = transmitIntervalMs(profile, state)
  const hasFired = input.type === 'expired' && input.timer === 'transmit'
  const isSame =
    !hasFired &&
    input.type !== 'reconfigured' &&
    state.sentAt === before.sentAt &&
    interval === transmitIntervalMs(profile, before)
  if (isSame) return { state, timers: [] }
  if (interval === undefined)
    return { state: { ...state, dueBy: Infinity }, timers: [{ type: 'stop-timer', timer: 'transmit' }] }
  const delay = jitteredDelay(interval, now - state.sentAt, profile.detectMultiplier)
  const dueBy = now + delay.ms * (1 + delay.jitter)
  return { state: { ...state, dueBy }, timers: [{ type: 'start-timer', timer: 'transmit', ...delay }] }
}
