import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { Profile } from './profile.ts'
import { nameHash, type Heartbeat } from './wire.ts'

/** Who is alive, as one member sees it. */
export interface DetectorState {
  readonly phase: 'waiting' | 'listening' | 'ready' | 'stopped'
  /** When the others were first told that this node listens; what they said before is no answer to it. */
  readonly listensSince: number
  /** Our start as we tell it, where the calendar alone would not do: it was set back since an earlier start of ours. */
  readonly boot: number
  readonly sequence: number
  readonly peers: ReadonlyMap<string, PeerState>
  /** Who was heard since the last beat under an earlier start than the one we know, and that one. */
  readonly outdated: ReadonlyMap<string, number>
  /** When the next heartbeat is due; being later than that is our own fault, not the others'. */
  readonly dueAt: number
  /** By how much longer a silence may be, because we were late ourselves, and until when. */
  readonly slackMs: number
  readonly slackUntil: number
  /** When we began to take part. */
  readonly readyAt: number
  /** Somebody was silent for too long; who is so still when what came meanwhile has been read is dead. */
  readonly isDoubtful: boolean
}

export interface PeerState {
  readonly isAlive: boolean
  /** Heard, and listening for the others still. */
  readonly isComing: boolean
  readonly boot: number
  readonly sequence: number
  readonly lastHeard: number
  /** What this peer said it heard of others, and when it said so. */
  readonly heard: ReadonlyMap<number, number>
  readonly saidAt: number
}

export type DetectorInput =
  /** The others that there are; this node among them or not. */
  | { readonly type: 'set-peers'; readonly nodes: readonly string[] }
  | { readonly type: 'heard'; readonly heartbeat: Heartbeat }
  /** This node was cut off, and is not any more. */
  | { readonly type: 'reconnected' }
  | { readonly type: 'expired'; readonly timer: DetectorTimer }
  | { readonly type: 'stop' }

export type DetectorTimer = 'beat' | 'judge' | 'settle'

export type DetectorEffect =
  | { readonly type: 'send'; readonly heartbeat: Heartbeat }
  | { readonly type: 'joined'; readonly node: string }
  | { readonly type: 'left'; readonly node: string; readonly cause: 'dead' | 'left' | 'removed' }
  /** From now on this is when we started. */
  | { readonly type: 'reborn'; readonly boot: number }

export interface DetectorSettings {
  readonly node: string
  readonly boot: number
  readonly profile: Profile
}

type Answer = Step<DetectorState, DetectorEffect | TimerEffect<DetectorTimer>>

export const INITIAL_DETECTOR: DetectorState = {
  phase: 'waiting',
  listensSince: 0,
  boot: 0,
  sequence: 0,
  peers: new Map(),
  outdated: new Map(),
  dueAt: 0,
  slackMs: 0,
  slackUntil: 0,
  readyAt: Infinity,
  isDoubtful: false,
}

export function stepDetector(
  settings: DetectorSettings,
  state: DetectorState,
  input: DetectorInput,
  now: number,
): Answer {
  if (state.phase === 'stopped') return { state, effects: [] }
  switch (input.type) {
    case 'set-peers':
      return setPeers(settings, state, input.nodes, now)
    case 'heard':
      return settledEarly(settings, onHeard(settings, state, input.heartbeat, now), now)
    case 'reconnected':
      return state.phase === 'waiting' ? { state, effects: [] } : listen(settings, state, now)
    case 'expired':
      return onTimer(settings, state, input.timer, now)
    case 'stop':
      return stopped(settings, state, now)
  }
}

function onTimer(settings: DetectorSettings, state: DetectorState, timer: DetectorTimer, now: number): Answer {
  switch (timer) {
    case 'settle':
      return settledLate(settings, state, now)
    case 'beat':
      return beat(settings, state, now)
    case 'judge':
      return judge(settings, state, now)
  }
}

const NOBODY: ReadonlyMap<string, number> = new Map()
const SLACK_MS = 5_000 // how long a stall of our own makes us doubt what we did not hear
/** How late we are while we start and take what is ours says nothing of how late we shall be. */
const START_MS = 1_000
const ISOLATION_FACTOR = 10 // who hears nobody at all believes for this much longer that it is itself cut off
const MISSED_BEATS = 2 // silence of all others for this many beats is more likely ours than theirs
const GOODBYES = 3

function setPeers(settings: DetectorSettings, state: DetectorState, nodes: readonly string[], now: number): Answer {
  const others = new Set(nodes.filter(node => node !== settings.node))
  const peers = new Map<string, PeerState>()
  const effects: DetectorEffect[] = []
  for (const [node, peer] of state.peers) {
    if (others.has(node)) peers.set(node, peer)
    else if (peer.isAlive) effects.push({ type: 'left', node, cause: 'removed' })
  }
  for (const node of others) if (!peers.has(node)) peers.set(node, UNHEARD)
  if (state.phase !== 'waiting') return { state: { ...state, peers }, effects }
  const listening = listen(settings, { ...state, peers }, now)
  return { ...listening, effects: [...effects, ...listening.effects] }
}

/** Heard by the others, and counted by nobody, until we know them. */
function listen({ profile }: DetectorSettings, state: DetectorState, now: number): Answer {
  return {
    state: { ...state, phase: 'listening', listensSince: Infinity, readyAt: Infinity, dueAt: now },
    effects: [start('settle', profile.deadMs + profile.intervalMs), start('beat', 0), start('judge', profile.deadMs)],
  }
}

const UNHEARD: PeerState = {
  isAlive: false,
  isComing: false,
  boot: 0,
  sequence: 0,
  lastHeard: -Infinity,
  heard: new Map(),
  saidAt: -Infinity,
}

/** Who hears others that do not hear it yet goes on listening: its way out is not open, and it would be one owner beside another. */
function settledLate(settings: DetectorSettings, state: DetectorState, now: number): Answer {
  const { deadMs, intervalMs } = settings.profile
  const isUnheard = [...state.peers.values()].some(
    peer => now - peer.lastHeard <= deadMs && !hasHeardUs(settings, state, peer),
  )
  const isPatient = now - state.listensSince < MOST_DEAF_FACTOR * (deadMs + intervalMs)
  if (isUnheard && isPatient) return { state, effects: [start('settle', intervalMs)] }
  return settled(settings, state, now)
}

/** Of the time of listening. Kernels ask again for a neighbour's hardware address after a second, and then another. */
const MOST_DEAF_FACTOR = 10

/** Whoever was there has been heard by now: from here on we take part. */
function settled(settings: DetectorSettings, state: DetectorState, now: number): Answer {
  const ready = { ...state, phase: 'ready' as const, sequence: state.sequence + 1, readyAt: now }
  return {
    state: ready,
    effects: [
      { type: 'send', heartbeat: heartbeat(settings, ready, now) },
      { type: 'joined', node: settings.node },
    ],
  }
}

/** When all the others have heard that we listen, there is nobody left to wait for. */
function settledEarly(settings: DetectorSettings, { state, effects }: Answer, now: number): Answer {
  const { phase, peers } = state
  if (phase !== 'listening' || peers.size === 0) return { state, effects }
  if (![...peers.values()].every(peer => hasHeardUs(settings, state, peer))) return { state, effects }
  const ready = settled(settings, state, now)
  return { state: ready.state, effects: [...effects, stop('settle'), ...ready.effects] }
}

function hasHeardUs(
  { node }: DetectorSettings,
  { listensSince }: DetectorState,
  { heard, saidAt }: PeerState,
): boolean {
  return saidAt - (heard.get(nameHash(node)) ?? Infinity) >= listensSince - AGE_PRECISION_MS
}

/** Heartbeats tell ages in whole milliseconds. */
const AGE_PRECISION_MS = 1

function onHeard(settings: DetectorSettings, state: DetectorState, heard: Heartbeat, now: number): Answer {
  const known = heard.outdated?.get(nameHash(settings.node)) ?? 0
  if (known <= bootOf(settings, state)) return judgeHeard(state, heard, now)
  const boot = known + 1
  const { state: next, effects } = judgeHeard({ ...state, boot }, heard, now)
  return { state: next, effects: [{ type: 'reborn', boot }, ...effects] }
}

function bootOf({ boot }: DetectorSettings, state: DetectorState): number {
  return Math.max(boot, state.boot)
}

function judgeHeard(state: DetectorState, heard: Heartbeat, now: number): Answer {
  const before = state.peers.get(heard.node)
  if (before === undefined) return { state, effects: [] }
  if (!isNewer(heard, before)) return { state: withOutdated(state, heard, before), effects: [] }
  const isAlive = heard.isReady && !heard.isLeaving
  const after: PeerState = {
    isAlive,
    isComing: !heard.isReady && !heard.isLeaving,
    boot: heard.boot,
    sequence: heard.sequence,
    lastHeard: now,
    heard: heard.heard,
    saidAt: now,
  }
  const next = { ...state, peers: new Map(state.peers).set(heard.node, after) }
  if (isAlive === before.isAlive) return { state: next, effects: [] }
  const { node } = heard
  return { state: next, effects: [isAlive ? { type: 'joined', node } : { type: 'left', node, cause: 'left' }] }
}

/** A replayed packet, or a member whose calendar was set back: it is told, and if it lives it starts anew. */
function withOutdated(state: DetectorState, { node, boot }: Heartbeat, before: PeerState): DetectorState {
  if (boot >= before.boot || state.outdated.size >= MOST_OUTDATED) return state
  return { ...state, outdated: new Map(state.outdated).set(node, before.boot) }
}

const MOST_OUTDATED = 8

/** A packet that is replayed, or of an earlier start, is not news. */
export function isNewer({ boot, sequence }: Heartbeat, before: PeerState): boolean {
  return boot > before.boot || (boot === before.boot && sequence > before.sequence)
}

function beat(settings: DetectorSettings, state: DetectorState, now: number): Answer {
  const { intervalMs } = settings.profile
  const isStarting = now - state.readyAt < START_MS
  const slack = now - state.dueAt > intervalMs && !isStarting ? slackOf(settings, state, now) : undefined
  const listensSince = Math.min(state.listensSince, now)
  const dueAt = now + intervalMs
  const next = { ...state, sequence: state.sequence + 1, listensSince, dueAt, ...slack }
  return {
    state: { ...next, outdated: NOBODY },
    effects: [{ type: 'send', heartbeat: heartbeat(settings, next, now) }, start('beat', intervalMs)],
  }
}

/** Who was late by so much may be so again, and the others, on machines alike, with it: by the limit itself at the most. */
function slackOf(
  { profile }: DetectorSettings,
  { dueAt, slackMs, slackUntil }: DetectorState,
  now: number,
): Pick<DetectorState, 'slackMs' | 'slackUntil'> {
  const before = now < slackUntil ? slackMs : 0
  return { slackMs: Math.min(profile.deadMs, Math.max(before, now - dueAt)), slackUntil: now + SLACK_MS }
}

/** Held when the first of them may be silent for too long, and not at a beat: clients wait for it. */
function judge(settings: DetectorSettings, state: DetectorState, now: number): Answer {
  const { intervalMs } = settings.profile
  // What came while we stalled has not been read yet, and the next beat knows by how much we were late.
  if (now - state.dueAt > intervalMs) return again({ ...state, isDoubtful: false }, intervalMs)
  const limit = limitOf(settings, state, now)
  const alive = [...state.peers].filter(([, peer]) => peer.isAlive)
  const isIsolated = alive.length > 1 && alive.every(([, { lastHeard }]) => now - lastHeard > MISSED_BEATS * intervalMs)
  const effective = isIsolated ? limit * ISOLATION_FACTOR : limit
  const signs = alive.map(([node, { lastHeard }]) => ({
    node,
    lastHeard,
    at: now - lastHeard > limit ? heardByOthers(node, alive, limit, now) : lastHeard,
  }))
  const dead = signs.filter(({ lastHeard, at }) => now - lastHeard > effective && now - at > limit)
  if (dead.length > 0 && !state.isDoubtful) return again({ ...state, isDoubtful: true }, READ_FIRST_MS)
  const peers = new Map(state.peers)
  for (const { node } of dead) peers.set(node, { ...peers.get(node)!, isAlive: false })
  const first = Math.min(...signs.map(({ at }) => at).filter(at => now - at <= limit))
  const nextMs = first === Infinity ? intervalMs : Math.floor(first + limit - now) + 1
  const next = again({ ...state, peers, isDoubtful: false }, Math.min(nextMs, limitOf(settings, INITIAL_DETECTOR, now)))
  return { ...next, effects: [...dead.map(({ node }) => left(node)), ...next.effects] }
}

function again(state: DetectorState, ms: number): Answer {
  return { state, effects: [start('judge', ms)] }
}

function left(node: string): DetectorEffect {
  return { type: 'left', node, cause: 'dead' }
}

/** Between two turns of the loop everything that has come is read. */
const READ_FIRST_MS = 1
/** Of an interval: the last beat of those that may be missed is a little late at times. */
const GRACE = 0.25

function limitOf({ profile }: DetectorSettings, { slackMs, slackUntil }: DetectorState, now: number): number {
  return profile.deadMs + GRACE * profile.intervalMs + (now < slackUntil ? slackMs : 0)
}

/** When one whom we do hear heard it last: one lost link, or one deaf receiver, kills nobody. */
function heardByOthers(
  node: string,
  alive: readonly (readonly [string, PeerState])[],
  limit: number,
  now: number,
): number {
  const hash = nameHash(node)
  let last = -Infinity
  for (const [other, { heard, saidAt, lastHeard }] of alive) {
    const age = other === node || now - lastHeard > limit ? undefined : heard.get(hash)
    if (age !== undefined) last = Math.max(last, saidAt - age)
  }
  return last
}

function stopped(settings: DetectorSettings, state: DetectorState, now: number): Answer {
  const sends = Array.from({ length: GOODBYES }, (_, i): DetectorEffect => {
    const next = { ...state, sequence: state.sequence + 1 + i }
    return { type: 'send', heartbeat: { ...heartbeat(settings, next, now), isLeaving: true } }
  })
  return {
    state: { ...state, phase: 'stopped' },
    effects: [stop('beat'), stop('judge'), stop('settle'), ...(state.phase === 'waiting' ? [] : sends)],
  }
}

function heartbeat(settings: DetectorSettings, state: DetectorState, now: number): Heartbeat {
  const { sequence, phase, peers } = state
  const heard = new Map<number, number>()
  for (const [name, { lastHeard }] of peers) if (now - lastHeard < 0xffff) heard.set(nameHash(name), now - lastHeard)
  const outdated = new Map([...state.outdated].map(([name, known]) => [nameHash(name), known]))
  return {
    node: settings.node,
    boot: bootOf(settings, state),
    sequence,
    isReady: phase === 'ready',
    isLeaving: false,
    heard,
    ...(outdated.size > 0 && { outdated }),
  }
}

function start(timer: DetectorTimer, ms: number): TimerEffect<DetectorTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: DetectorTimer): TimerEffect<DetectorTimer> {
  return { type: 'stop-timer', timer }
}
