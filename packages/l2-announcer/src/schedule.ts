import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { Address } from '@metallb-ts/netip'

/**
 * When to tell one link, unasked, of the addresses we hold there: a burst when an address comes, a refresh from time to
 * time, a defence when somebody else claims it; always paced, for switches police ARP.
 */
export function stepSchedule(state: ScheduleState, input: ScheduleInput, now: number): ScheduleStep {
  switch (input.type) {
    case 'gained':
      return pump(start(state, input.addresses, now), now)
    case 'lost':
      return pump(forget(state, new Set(input.addresses)), now)
    case 'link-restored':
      return pump(start(state, [...state.held.values()], now), now)
    case 'network-healed':
      return pump(repeatAll(state, now), now)
    case 'claimed':
      return onClaim(state, input, now)
    case 'tick':
      return pump(state, now)
    case 'refresh':
      return withRefresh(pump(refresh(state, now), now))
  }
}

export function initialSchedule(settings: Partial<ScheduleSettings> = {}): ScheduleState {
  const all = { ...DEFAULT_SCHEDULE, ...settings }
  return {
    settings: all,
    held: new Map(),
    fresh: [],
    later: [],
    answeredAt: new Map(),
    nextSlotAt: 0,
    isRefreshing: false,
  }
}

export interface ScheduleSettings {
  /** Milliseconds after the first announcement of a gain at which it is repeated. */
  readonly repeatsIpv4: readonly number[]
  readonly repeatsIpv6: readonly number[]
  /** Between announcements of addresses just gained. @default 0.25 */
  readonly firstPacingMs: number
  /** Between all other announcements. @default 5 */
  readonly laterPacingMs: number
  /** Between announcements of every address held; 0 for never. @default 60000 */
  readonly refreshMs: number
}

/**
 * 50 and 250 ms cover loss and a switch that still learns; 1.1 s steps over the second in which old kernels refuse a
 * changed neighbour. Fewer for IPv6, whose RFC 4861 §7.2.6 wants three at most.
 */
export const DEFAULT_SCHEDULE: ScheduleSettings = {
  repeatsIpv4: [50, 250, 1_100, 2_200, 4_400],
  repeatsIpv6: [50, 250, 2_200],
  firstPacingMs: 0.25,
  laterPacingMs: 5,
  refreshMs: 60_000,
}

export interface ScheduleState {
  readonly settings: ScheduleSettings
  /** By canonical text. */
  readonly held: ReadonlyMap<string, HeldAddress>
  /** Gained and not announced yet, in order. */
  readonly fresh: readonly HeldAddress[]
  /** To be announced again, soonest first. */
  readonly later: readonly Due[]
  /** When a claim was last answered, by text, or will be; one entry for an address at most. */
  readonly answeredAt: ReadonlyMap<string, number>
  readonly nextSlotAt: number
  readonly isRefreshing: boolean
}

export interface HeldAddress {
  readonly address: Address
  readonly text: string
}

interface Due extends HeldAddress {
  readonly at: number
  /** When its burst began; absent for one that is not part of a burst. */
  readonly since: number | undefined
}

export type ScheduleInput =
  | { readonly type: 'gained'; readonly addresses: readonly HeldAddress[] }
  | { readonly type: 'lost'; readonly addresses: readonly string[] }
  /** The link has carrier again: everything is told anew. */
  | { readonly type: 'link-restored' }
  /** Others are heard again. Some of what we hold is about to be theirs: what is left a little later is told anew. */
  | { readonly type: 'network-healed' }
  | Claimed
  | { readonly type: ScheduleTimer }

export type ScheduleTimer = 'tick' | 'refresh'

/** Somebody else says it has an address of ours. */
export interface Claimed {
  readonly type: 'claimed'
  readonly address: string
  /** Another announcer of ours: one of us two is about to let go. */
  readonly isPeer: boolean
}

/** Send both forms now, if the address is still held. */
export interface Announce {
  readonly type: 'announce'
  readonly address: HeldAddress
  readonly why: 'gained' | 'repeated' | 'defended'
}

export type ScheduleEffect = Announce | TimerEffect<ScheduleTimer>
export type ScheduleStep = Step<ScheduleState, ScheduleEffect>

/** Two of us that both mean to hold an address tell each other once in this time. */
const PEER_INTERVAL_MS = 1_000
const PEER_DELAY_MS = 50

/** RFC 5227 §1.1 DEFEND_INTERVAL: a claim is answered once in this time, or two owners would shout each other down. */
export const DEFEND_INTERVAL_MS = 10_000

const REFRESH_JITTER = 0.25
/** A late timer makes up for what it missed, up to this many slots: pacing survives a busy loop without a flood. */
const MOST_SLOTS_AT_ONCE = 16

function start(state: ScheduleState, addresses: readonly HeldAddress[], now: number): ScheduleState {
  const texts = new Set(addresses.map(({ text }) => text))
  const others = forget(state, texts)
  return {
    ...others,
    held: new Map([...others.held, ...addresses.map(held => [held.text, held] as const)]),
    answeredAt: state.answeredAt,
    fresh: [...others.fresh, ...addresses],
    nextSlotAt: Math.max(state.nextSlotAt, now),
  }
}

function forget(state: ScheduleState, texts: ReadonlySet<string>): ScheduleState {
  const keeps = ({ text }: HeldAddress): boolean => !texts.has(text)
  return {
    ...state,
    held: new Map([...state.held].filter(([text]) => !texts.has(text))),
    fresh: state.fresh.filter(keeps),
    later: state.later.filter(keeps),
    answeredAt: new Map([...state.answeredAt].filter(([text]) => !texts.has(text))),
  }
}

/** As if the burst were nearly over: others come and go, and nobody needs all of it each time. */
function repeatAll(state: ScheduleState, now: number): ScheduleState {
  const fresh = new Set(state.fresh.map(({ text }) => text))
  const settled = [...state.held.values()].filter(({ text }) => !fresh.has(text))
  const since = now - HEALED_INTO_BURST_MS
  return {
    ...state,
    later: settled.reduce<readonly Due[]>((due, held) => repeat(due, held, since, now, state.settings), []),
  }
}

const HEALED_INTO_BURST_MS = 2_150

/** Puts every address that waits for nothing behind those that do. */
function refresh(state: ScheduleState, now: number): ScheduleState {
  const waiting = new Set([...state.fresh, ...state.later].map(({ text }) => text))
  const idle = [...state.held.values()].filter(({ text }) => !waiting.has(text))
  const due = idle.map((held): Due => ({ ...held, at: now, since: undefined }))
  return { ...state, later: [...state.later, ...due].sort((a, b) => a.at - b.at) }
}

function onClaim(state: ScheduleState, { address: text, isPeer }: Claimed, now: number): ScheduleStep {
  const held = state.held.get(text)
  if (held === undefined) return { state, effects: [] }
  const last = state.answeredAt.get(text) ?? Number.NEGATIVE_INFINITY
  return isPeer ? outlast(state, held, last, now) : contradict(state, held, last, now)
}

function contradict(state: ScheduleState, held: HeldAddress, last: number, now: number): ScheduleStep {
  if (now - last < DEFEND_INTERVAL_MS) return { state, effects: [] }
  return { state: answered(state, held, now), effects: [{ type: 'announce', address: held, why: 'defended' }] }
}

/**
 * A peer is not contradicted at once: while an address moves both hold it for an instant, and the one that loses would
 * call the clients back. Whoever still holds it a little later says so then; and is not hushed by having said so before.
 */
function outlast(state: ScheduleState, held: HeldAddress, last: number, now: number): ScheduleStep {
  if (last > now) return { state, effects: [] } // it will be said
  const since = Math.max(now, last + PEER_INTERVAL_MS)
  const others = state.later.filter(({ text }) => text !== held.text)
  const saidAt = since + PEER_DELAY_MS
  return pump({ ...answered(state, held, saidAt), later: insert(others, { ...held, at: saidAt, since }) }, now)
}

function answered(state: ScheduleState, { text }: HeldAddress, at: number): ScheduleState {
  return { ...state, answeredAt: new Map([...state.answeredAt, [text, at]]) }
}

/** Announces what is due, within the pacing, and sets the timer for the rest. */
function pump(state: ScheduleState, now: number): ScheduleStep {
  const { firstPacingMs, laterPacingMs } = state.settings
  const effects: ScheduleEffect[] = []
  let { nextSlotAt } = state
  nextSlotAt = Math.max(nextSlotAt, now - MOST_SLOTS_AT_ONCE * firstPacingMs)
  let fresh = 0
  let later = state.later
  while (nextSlotAt <= now && effects.length < MOST_SLOTS_AT_ONCE) {
    const first = state.fresh[fresh]
    if (first !== undefined) {
      fresh++
      nextSlotAt += firstPacingMs
      effects.push({ type: 'announce', address: first, why: 'gained' })
      later = repeat(later, first, now, now, state.settings)
      continue
    }
    const due = later[0]
    if (due === undefined || due.at > now) break
    nextSlotAt = Math.max(nextSlotAt, now - laterPacingMs) + laterPacingMs
    effects.push({ type: 'announce', address: due, why: 'repeated' })
    later = repeat(later.slice(1), due, due.since, now, state.settings)
  }
  return scheduleTick({ ...state, fresh: state.fresh.slice(fresh), later, nextSlotAt }, effects, now)
}

/** The next repeat whose time is still to come: those that pacing held back beyond it are not made up for. */
function repeat(
  later: readonly Due[],
  { address, text }: HeldAddress,
  since: number | undefined,
  now: number,
  settings: ScheduleSettings,
): readonly Due[] {
  if (since === undefined) return later
  const repeats = address.family === 'ipv4' ? settings.repeatsIpv4 : settings.repeatsIpv6
  const after = repeats.find(ms => since + ms > now)
  if (after === undefined) return later
  return insert(later, { address, text, at: since + after, since })
}

function insert(later: readonly Due[], due: Due): readonly Due[] {
  return later.toSpliced(insertionPoint(later, due.at), 0, due)
}

/** Behind those due at the same time: equals keep their order. */
function insertionPoint(later: readonly Due[], at: number): number {
  let low = 0
  let high = later.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (later[middle]!.at <= at) low = middle + 1
    else high = middle
  }
  return low
}

function scheduleTick(state: ScheduleState, effects: ScheduleEffect[], now: number): ScheduleStep {
  const dueAt = state.fresh.length > 0 ? now : state.later[0]?.at
  if (dueAt === undefined) effects.push({ type: 'stop-timer', timer: 'tick' })
  else effects.push({ type: 'start-timer', timer: 'tick', ms: Math.max(dueAt, state.nextSlotAt) - now })
  const mayRefresh = state.settings.refreshMs > 0 && state.held.size > 0
  if (mayRefresh && !state.isRefreshing) return withRefresh({ state, effects })
  if (mayRefresh || !state.isRefreshing) return { state, effects }
  return { state: { ...state, isRefreshing: false }, effects: [...effects, { type: 'stop-timer', timer: 'refresh' }] }
}

function withRefresh({ state, effects }: ScheduleStep): ScheduleStep {
  if (state.settings.refreshMs === 0 || state.held.size === 0) return { state, effects }
  const timer = { type: 'start-timer', timer: 'refresh', ms: state.settings.refreshMs, jitter: REFRESH_JITTER } as const
  return { state: { ...state, isRefreshing: true }, effects: [...effects, timer] }
}
