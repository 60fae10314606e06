import { address, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import {
  createBfd,
  type Bfd,
  type BfdEvents,
  type BfdInit,
  type BfdPath,
  type BfdProfile,
  type BfdSession,
  type SessionHandle,
} from '../src/index.ts'
import { ScriptedPeer } from '../src/testing/index.ts'
import type { ControlPacket } from '../src/wire/index.ts'

export const PEER: Address = address('192.0.2.1')
export const PEER_DISCRIMINATOR = 0x0a0b0c0d

interface BenchInit extends BfdInit {
  readonly path?: BfdPath
  readonly profile?: BfdProfile
  readonly seed?: number
}

/** One session and a peer that says what the test tells it to. */
export class Bench {
  readonly clock: SimClock = new SimClock()
  readonly peer: ScriptedPeer
  readonly told: Told[] = []
  readonly bfd: Bfd
  readonly handle: SessionHandle

  constructor({ path = { kind: 'single-hop', remote: PEER }, profile = {}, seed = 1, ...init }: BenchInit = {}) {
    this.peer = new ScriptedPeer(path.remote, path.kind)
    const events = {
      publish: (name: keyof BfdEvents, detail: object) =>
        void this.told.push({ name, detail: detail as Record<string, unknown> }),
    }
    const components = { clock: this.clock, random: new SimRandom(seed), transport: this.peer.transport, events }
    this.bfd = createBfd(components, init)
    const opened = this.open(path, profile)
    if (!opened.ok) throw new Error(opened.error.detail)
    this.handle = opened.value
    this.clock.advance(0)
  }

  get session(): BfdSession {
    return this.handle.session
  }

  open(path: BfdPath, profile: BfdProfile = {}): ReturnType<Bfd['open']> {
    return this.bfd.open(path, profile)
  }

  /** From the peer, in answer to us. */
  say(packet: Partial<ControlPacket> = {}): void {
    this.peer.send({ yourDiscriminator: this.session.discriminator, ...packet })
  }

  /** Handshake, and the Poll that comes with it answered; the peer falls silent then. */
  bringUp(packet: Partial<ControlPacket> = {}): this {
    this.peer.send({ ...packet, state: 'down' })
    this.say({ ...packet, state: 'init' })
    this.say({ ...packet, state: 'up', isFinal: true })
    this.say({ ...packet, state: 'up' })
    this.peer.take()
    this.told.length = 0
    return this
  }

  /** The peer says this every `everyMs`, for so long. */
  keepSaying(packet: Partial<ControlPacket>, forMs: number, everyMs = 100): void {
    for (let passed = 0; passed < forMs; passed += everyMs) {
      this.clock.advance(Math.min(everyMs, forMs - passed))
      this.say(packet)
    }
  }

  /** When packets leave during the next `forMs`, the peer saying `packet` all the while, and what they are. */
  watch(forMs: number, packet: Partial<ControlPacket> = { state: 'up' }, sayEveryMs = 100): Sent[] {
    const sent: Sent[] = []
    this.peer.take()
    const end = this.clock.now() + forMs
    for (let nextSay = this.clock.now() + sayEveryMs; this.clock.now() < end;) {
      this.clock.advance(Math.min(STEP_MS, end - this.clock.now()))
      for (const one of this.peer.take()) sent.push({ at: this.clock.now(), packet: one })
      if (this.clock.now() < nextSay) continue
      this.say(packet)
      nextSay += sayEveryMs
      for (const one of this.peer.take()) sent.push({ at: this.clock.now(), packet: one })
    }
    return sent
  }

  names(): string[] {
    return this.told.map(({ name }) => name)
  }
}

export interface Told {
  readonly name: keyof BfdEvents
  readonly detail: Record<string, unknown>
}

export interface Sent {
  readonly at: number
  readonly packet: ControlPacket
}

/** Between one packet and the next. */
export function gaps(sent: readonly Sent[]): number[] {
  return sent.slice(1).map(({ at }, i) => at - sent[i]!.at)
}

const STEP_MS = 1
