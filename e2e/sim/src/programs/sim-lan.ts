import type { Publisher } from '@metallb-ts/event-bus'
import type { LinkPort } from '@metallb-ts/l2-announcer'
import type { SimDatagrams } from '@metallb-ts/membership/testing'
import { formatAddress, type Address } from '@metallb-ts/netip'
import type { Logger } from '@metallb-ts/runtime'
import { LanCore } from '@metallb-ts/speaker/lan/lan-core'
import { LanFront } from '@metallb-ts/speaker/lan/lan-front'
import { createMembers, type MembersComponents } from '@metallb-ts/speaker/lan/members'
import type { Lan, LanEvents } from '@metallb-ts/speaker/lan/lan'
import type { ToLan } from '@metallb-ts/speaker/lan/protocol'
import { announcedBy } from '../network/frames.ts'
import type { LanNode } from '../network/lan.ts'
import type { Plant } from '../plant.ts'
import type { Life } from './program.ts'

/** Who sees what happens on a node's interface. */
export interface LanWitness {
  /** Addresses that the interface answers for from now on. */
  readonly answers: (node: string, addresses: readonly string[]) => void
  /** An address is announced unasked. `ask` puts a frame before the interface; true when it is answered within the call. */
  readonly announces: (node: string, address: Address, ask: (frame: Uint8Array) => boolean) => void
}

export interface SimLanParts {
  readonly life: Life
  readonly events: Publisher<LanEvents>
  readonly logger: Logger
  readonly node: string
  readonly address: Address
  readonly lan: LanNode
  readonly datagrams: SimDatagrams
  readonly plant: Plant
  readonly witness: LanWitness
}

/** Both halves of the speaker's LAN in one process: messages between them are copied, and take as long as a wake-up. */
export async function startSimLan(
  parts: SimLanParts,
  { profile }: { readonly profile: 'fast' | 'balanced' | 'safe' | 'none' },
): Promise<Lan> {
  const { life, events, logger, node, lan, plant } = parts
  const { process } = life
  const { threadClock, random } = process
  const front = new LanFront({
    clock: life.clock,
    events,
    logger,
    onFailure: () => process.kill(),
    send: message => {
      const copy = structuredClone(message)
      threadClock.setTimer(WAKE_UP_MS, () => deliver(copy))
    },
  })
  const toCore = (message: ToLan): void => core.onMessage(message)
  const deliver = (message: ToLan): void =>
    plant.toLan === undefined ? toCore(message) : plant.toLan(node, message, toCore)
  const core = new LanCore(
    {
      clock: threadClock,
      random,
      links: lan.linksFor(process, (port, ask) => {
        const watched = witnessed(parts, port, ask)
        return plant.port?.(node, watched) ?? watched
      }),
      monitor: lan.monitorFor(process),
      post: message => {
        const copy = structuredClone(message)
        life.clock.setTimer(WAKE_UP_MS, () => front.onMessage(copy))
      },
      arpIgnore: () => 0,
      end: () => life.clock.setTimer(WAKE_UP_MS, () => front.onEnd()),
    },
    { node },
    profile === 'none'
      ? undefined
      : (told, onLinks) =>
          createMembers(
            { clock: threadClock, random, cipher: OPEN_CIPHER, events: told, onLinks, open: socketOf(parts) },
            { node },
            { profile },
          ),
  )
  core.start()
  await front.started
  return front
}

const WAKE_UP_MS = 0.05
/** Datagrams that wait for a thread that stands still; the kernel drops the rest. */
const SOCKET_BUFFER = 64

/** Sealing is tested where it is written, and draws a nonce from the real world. */
const OPEN_CIPHER = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }

/** The socket of the heartbeats, which ends with the process. */
function socketOf({ life, address, datagrams }: SimLanParts): MembersComponents['open'] {
  const { process } = life
  return received => {
    let isOpen = true
    let waiting = 0
    const close = (): void => {
      isOpen = false
    }
    process.onDeath(close)
    const ways = datagrams.attach(address, bytes => {
      if (!isOpen || waiting >= SOCKET_BUFFER) return
      waiting++
      process.threadClock.setTimer(0, () => {
        waiting--
        if (isOpen) received(bytes)
      })
    })
    return { send: (bytes, to) => isOpen && ways.send(bytes, to), close }
  }
}

function witnessed(
  { node, life, witness }: SimLanParts,
  port: LinkPort,
  onFrame: (frame: Uint8Array) => void,
): LinkPort {
  let isAsked = false
  let isAnswered = false
  const ask = (frame: Uint8Array): boolean => {
    isAsked = true
    isAnswered = false
    onFrame(frame)
    isAsked = false
    return isAnswered
  }
  return {
    mac: port.mac,
    mtu: port.mtu,
    send: frame => {
      if (!life.process.isAlive) return false
      if (isAsked) return (isAnswered = true)
      const announced = announcedBy(frame)
      if (announced !== undefined) witness.announces(node, announced, ask)
      return port.send(frame)
    },
    join: group => port.join(group),
    leave: group => port.leave(group),
    listenFor: addresses => {
      witness.answers(node, addresses.map(formatAddress))
      port.listenFor(addresses)
    },
    close: () => {
      witness.answers(node, [])
      port.close()
    },
  }
}
