import type { Publisher } from '@metallb-ts/event-bus'
import type { Address } from '@metallb-ts/netip'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import {
  INITIAL_DETECTOR,
  isNewer,
  stepDetector,
  type DetectorEffect,
  type DetectorInput,
  type DetectorState,
  type DetectorTimer,
} from './detector.ts'
import type { MembershipEvents } from './events.ts'
import { HoldingsLedger, type Holdings } from './holdings.ts'
import { decodeHoldings, encodeHoldings, HOLDINGS, type Holding, type HoldingsMessage } from './holdings-wire.ts'
import { PROFILES, type Profile } from './profile.ts'
import { decodeHeartbeat, encodeHeartbeat, type Heartbeat } from './wire.ts'

/** Datagrams to and from the other members. Losing them is normal. */
export interface Datagrams {
  send(bytes: Uint8Array, to: Address): void
}

/** Seals what is sent, so that only holders of the key can say it. `open` answers undefined for what they did not. */
export interface Cipher {
  seal(plain: Uint8Array): Uint8Array
  open(sealed: Uint8Array): Uint8Array | undefined
}

export interface MembershipComponents {
  readonly clock: Clock
  readonly random: Random
  readonly datagrams: Datagrams
  readonly cipher: Cipher
  readonly events: Publisher<MembershipEvents>
}

export interface MembershipInit {
  readonly node: string
  /** @default fast */
  readonly profile?: Profile
}

export interface PeerAddress {
  readonly node: string
  readonly address: Address
}

/** What was received and not used. */
export interface MembershipCounters {
  readonly received: number
  /** Not sealed with our key. */
  readonly forged: number
  readonly malformed: number
}

export interface Membership {
  /** Everyone there may be; from the first call on we are heard. This node may be among them. */
  setPeers(peers: readonly PeerAddress[]): void
  /** Bytes as they came. Valid only during the call. */
  received(bytes: Uint8Array): void
  /** This node was cut off, and is not any more: it listens as at the start, before it takes part again. */
  reconnected(): void
  /** Members that are alive, this one included once it takes part. */
  alive(): readonly string[]
  /** Members that are heard and listen still: soon they will be alive. */
  coming(): readonly string[]
  /** Tells the others what of ours has changed, also after `stop`: who leaves still hands over. */
  hold(changes: ReadonlyMap<string, Holding | 'released'>): void
  /** What another member says it holds; undefined while that is not known. */
  holdings(node: string): Holdings | undefined
  readonly counters: MembershipCounters
  /** Says goodbye, and is silent. */
  stop(): void
}

export function createMembership(components: MembershipComponents, init: MembershipInit): Membership {
  const { clock, random, datagrams, cipher, events } = components
  const settings = { node: init.node, boot: Math.floor(clock.wallTime()), profile: init.profile ?? PROFILES.fast }
  const counters = { received: 0, forged: 0, malformed: 0 }
  const ledger = new HoldingsLedger(init.node, settings.boot)
  let addresses: readonly PeerAddress[] = []

  const runner = new MachineRunner<DetectorState, DetectorInput, DetectorEffect, DetectorTimer>(
    { clock, random },
    {
      initial: INITIAL_DETECTOR,
      step: (state, input, now) => stepDetector(settings, state, input, now),
      expired: timer => ({ type: 'expired', timer }),
      perform: effect => {
        if (effect.type === 'joined') events.publish('member:joined', { node: effect.node })
        else if (effect.type === 'left') onLeft(effect.node, effect.cause)
        else if (effect.type === 'reborn') ledger.boot = effect.boot
        else sendToAll(encodeHeartbeat({ ...effect.heartbeat, edition: ledger.edition }))
      },
    },
  )

  function onLeft(node: string, cause: 'dead' | 'left' | 'removed'): void {
    ledger.forget(node)
    events.publish('member:left', { node, cause })
  }

  function sendToAll(plain: Uint8Array): void {
    const sealed = cipher.seal(plain)
    for (const { node, address } of addresses) if (node !== init.node) datagrams.send(sealed, address)
  }

  function sendTo(node: string, message: HoldingsMessage): void {
    const peer = addresses.find(each => each.node === node)
    if (peer !== undefined) datagrams.send(cipher.seal(encodeHoldings(message)), peer.address)
  }

  function onHeartbeat(heartbeat: Heartbeat): void {
    const { node, boot, edition = 0 } = heartbeat
    const before = runner.state.peers.get(node)
    const isNews = before !== undefined && isNewer(heartbeat, before)
    if (isNews && ledger.onEdition(node, boot, edition, clock.now())) sendTo(node, ledger.ask())
    runner.dispatch({ type: 'heard', heartbeat })
  }

  function onHoldings(message: HoldingsMessage): void {
    const peer = runner.state.peers.get(message.node)
    if (peer === undefined || (message.type !== 'asked' && message.boot < peer.boot)) return
    const { answers, isNews } = ledger.onMessage(message, clock.now())
    for (const answer of answers) sendTo(message.node, answer)
    if (isNews) events.publish('member:holds', { node: message.node })
  }

  return {
    setPeers: peers => {
      addresses = peers.slice(0, MAX_PEERS)
      runner.dispatch({ type: 'set-peers', nodes: addresses.map(({ node }) => node) })
    },
    received: bytes => {
      counters.received++
      const plain = cipher.open(bytes)
      if (plain === undefined) return void counters.forged++
      if (plain[0] === HOLDINGS) {
        const message = decodeHoldings(plain)
        return message === undefined ? void counters.malformed++ : onHoldings(message)
      }
      const heartbeat = decodeHeartbeat(plain)
      if (heartbeat === undefined) return void counters.malformed++
      onHeartbeat(heartbeat)
    },
    reconnected: () => runner.dispatch({ type: 'reconnected' }),
    alive: () => {
      const { phase, peers } = runner.state
      const others = [...peers].filter(([, { isAlive }]) => isAlive).map(([node]) => node)
      return [...(phase === 'ready' ? [init.node] : []), ...others].sort()
    },
    coming: () => {
      const { deadMs } = settings.profile
      const now = clock.now()
      return [...runner.state.peers].flatMap(([node, { isComing, lastHeard }]) =>
        isComing && now - lastHeard <= deadMs ? [node] : [],
      )
    },
    hold: changes => {
      for (const message of ledger.change(changes)) {
        const plain = encodeHoldings(message)
        for (let i = 0; i < TOLD_TIMES; i++) sendToAll(plain) // one lost packet costs no heartbeat's time
      }
    },
    holdings: node => ledger.of(node),
    get counters() {
      return { ...counters }
    },
    stop: () => {
      runner.dispatch({ type: 'stop' })
      runner.stop()
    },
  }
}

const MAX_PEERS = 512
const TOLD_TIMES = 2
