import type { Publisher } from '@metallb-ts/event-bus'
import type { Address } from '@metallb-ts/netip'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import {
  INITIAL_DETECTOR,
  stepDetector,
  type DetectorEffect,
  type DetectorInput,
  type DetectorState,
  type DetectorTimer,
} from './detector.ts'
import type { MembershipEvents } from './events.ts'
import { PROFILES, type Profile } from './profile.ts'
import { decodeHeartbeat, encodeHeartbeat } from './wire.ts'

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
  /** Members that are alive, this one included once it takes part. */
  alive(): readonly string[]
  readonly counters: MembershipCounters
  /** Says goodbye, and is silent. */
  stop(): void
}

export function createMembership(components: MembershipComponents, init: MembershipInit): Membership {
  const { clock, random, datagrams, cipher, events } = components
  const settings = { node: init.node, boot: clock.wallTime(), profile: init.profile ?? PROFILES.fast }
  const counters = { received: 0, forged: 0, malformed: 0 }
  let addresses: readonly PeerAddress[] = []

  const runner = new MachineRunner<DetectorState, DetectorInput, DetectorEffect, DetectorTimer>(
    { clock, random },
    {
      initial: INITIAL_DETECTOR,
      step: (state, input, now) => stepDetector(settings, state, input, now),
      expired: timer => ({ type: 'expired', timer }),
      perform: effect => {
        if (effect.type === 'joined') events.publish('member:joined', { node: effect.node })
        else if (effect.type === 'left') events.publish('member:left', { node: effect.node, cause: effect.cause })
        else {
          const sealed = cipher.seal(encodeHeartbeat(effect.heartbeat))
          for (const { node, address } of addresses) if (node !== init.node) datagrams.send(sealed, address)
        }
      },
    },
  )

  return {
    setPeers: peers => {
      addresses = peers.slice(0, MAX_PEERS)
      runner.dispatch({ type: 'set-peers', nodes: addresses.map(({ node }) => node) })
    },
    received: bytes => {
      counters.received++
      const plain = cipher.open(bytes)
      if (plain === undefined) return void counters.forged++
      const heartbeat = decodeHeartbeat(plain)
      if (heartbeat === undefined) return void counters.malformed++
      runner.dispatch({ type: 'heard', heartbeat })
    },
    alive: () => {
      const { phase, peers } = runner.state
      const others = [...peers].filter(([, { isAlive }]) => isAlive).map(([node]) => node)
      return [...(phase === 'ready' ? [init.node] : []), ...others].sort()
    },
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
