import type { Publisher } from '@metallb-ts/event-bus'
import { UdpSocket, type PollLoop } from '@metallb-ts/linux-net/node'
import { createMembership, PROFILES, type MembershipEvents } from '@metallb-ts/membership'
import { secretCipher } from '@metallb-ts/membership/node'
import type { Mac } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'
import type { LanMembers, OnPeerHardware } from './lan-core.ts'
import type { LanEvents, LanInit, LanMembership, LanPeer } from './lan.ts'
import { decodeHello, encodeHello, PeerHardware } from './peer-hardware.ts'

/** Heartbeats on the loop that answers ARP: whoever stops answering stops being heard. */
export function nativeMembers(
  loop: PollLoop,
  { node }: LanInit,
  { bindAddress, bindPort, secret, profile }: LanMembership,
  events: Publisher<LanEvents>,
  onHardware: OnPeerHardware,
): LanMembers {
  const cipher = secretCipher(secret)
  const hardware = new PeerHardware()
  const told: Publisher<MembershipEvents> = events
  let peers: readonly LanPeer[] = []
  let macs: readonly Mac[] = []
  const membership = createMembership(
    {
      clock: loop.clock,
      random: realRandom(),
      datagrams: { send: (bytes, address) => void socket.send(bytes, { address, port: bindPort }) },
      cipher,
      events: {
        publish: (name, detail) => {
          if (name === 'member:joined') sayHello()
          onHardware(hardware.of(membership.alive(), node))
          told.publish(name, detail)
        },
      },
    },
    { node, profile: PROFILES[profile] },
  )
  const socket = new UdpSocket(loop, { address: bindAddress, port: bindPort }, bytes => {
    if (bytes[0] === HELLO) onHello(bytes.subarray(1))
    else membership.received(bytes)
  })
  let timer = loop.clock.setTimer(HELLO_INTERVAL_MS, repeatHello)

  /** A heartbeat starts with 1, sealed or not. */
  function sayHello(): void {
    const hello = Buffer.concat([Uint8Array.of(HELLO), cipher.seal(encodeHello({ node, macs }))])
    for (const peer of peers) if (peer.node !== node) socket.send(hello, { address: peer.address, port: bindPort })
  }

  function repeatHello(): void {
    sayHello()
    timer = loop.clock.setTimer(HELLO_INTERVAL_MS, repeatHello)
  }

  function onHello(sealed: Uint8Array): void {
    const plain = cipher.open(sealed)
    const hello = plain && decodeHello(plain)
    if (hello === undefined) return
    hardware.heard(hello)
    onHardware(hardware.of(membership.alive(), node))
  }

  return {
    setPeers: all => {
      peers = all
      membership.setPeers(all)
      sayHello()
    },
    setMacs: own => {
      macs = own
      sayHello()
    },
    alive: () => membership.alive(),
    leave: () => membership.stop(),
    close: () => {
      timer.cancel()
      socket.close()
    },
  }
}

const HELLO = 2
const HELLO_INTERVAL_MS = 5_000
