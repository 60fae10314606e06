import type { Publisher } from '@metallb-ts/event-bus'
import {
  createMembership,
  nameHash,
  PROFILES,
  type Cipher,
  type Datagrams,
  type MembershipEvents,
} from '@metallb-ts/membership'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { LanMembers } from './lan-core.ts'
import type { LanEvents, LanInit, LanMembership, LanPeer } from './lan.ts'
import { decodeHello, encodeHello, PeerHardware, type HelloLink } from './peer-hardware.ts'

export interface MembersComponents {
  readonly clock: Clock
  readonly random: Random
  readonly cipher: Cipher
  /** Opens what carries heartbeats. */
  readonly open: (received: (bytes: Uint8Array) => void) => Datagrams & { close(): void }
  readonly events: Publisher<LanEvents>
  /** What is known of the others' links is another now. */
  readonly onLinks: () => void
}

/** Heartbeats, and what speakers tell each other beside them: who answers on which links, and by which rules. */
export function createMembers(
  { clock, random, cipher, open, events, onLinks }: MembersComponents,
  { node, election }: Pick<LanInit, 'node' | 'election'>,
  { profile }: Pick<LanMembership, 'profile'>,
): LanMembers {
  const hardware = new PeerHardware()
  const rules = nameHash(JSON.stringify(election ?? {}))
  const differing = new Set<string>()
  const told: Publisher<MembershipEvents> = events
  const settings = typeof profile === 'string' ? PROFILES[profile] : profile
  let peers: readonly LanPeer[] = []
  let links: readonly HelloLink[] = []
  const datagrams = open(bytes => {
    if (bytes[0] === HELLO) onHello(bytes.subarray(1))
    else membership.received(bytes)
  })
  const membership = createMembership(
    {
      clock,
      random,
      datagrams,
      cipher,
      events: {
        publish: (name, detail) => {
          if (name === 'member:joined') sayHello()
          told.publish(name, detail)
        },
      },
    },
    { node, profile: settings },
  )
  let timer = clock.setTimer(HELLO_INTERVAL_MS, repeatHello)

  /** What membership sends starts with a smaller number, sealed or not. */
  function sayHello(): void {
    const hello = Buffer.concat([Uint8Array.of(HELLO), cipher.seal(encodeHello({ node, rules, links }))])
    for (const peer of peers) if (peer.node !== node) datagrams.send(hello, peer.address)
  }

  function repeatHello(): void {
    sayHello()
    timer = clock.setTimer(HELLO_INTERVAL_MS, repeatHello)
  }

  function onHello(sealed: Uint8Array): void {
    const plain = cipher.open(sealed)
    const hello = plain && decodeHello(plain)
    if (hello === undefined) return
    if (hello.rules !== rules && !differing.has(hello.node) && differing.size < MOST_DIFFERING) {
      differing.add(hello.node)
      events.publish('member:elects-otherwise', { node: hello.node })
    }
    if (hardware.heard(hello)) onLinks()
  }

  return {
    setPeers: all => {
      peers = all
      membership.setPeers(all)
      sayHello()
    },
    setLinks: own => {
      links = own
      sayHello()
    },
    reconnected: () => membership.reconnected(),
    deadMs: settings.deadMs,
    alive: () => membership.alive(),
    coming: () => membership.coming(),
    hold: changes => membership.hold(changes),
    holdings: other => membership.holdings(other),
    linksOf: other => hardware.linksOf(other),
    hardware: () => hardware.of(membership.alive(), node),
    leave: () => membership.stop(),
    close: () => {
      timer.cancel()
      datagrams.close()
    },
  }
}

const HELLO = 4
const HELLO_INTERVAL_MS = 5_000
const MOST_DIFFERING = 1_024
