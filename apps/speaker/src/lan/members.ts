import type { Publisher } from '@metallb-ts/event-bus'
import { UdpSocket, type PollLoop } from '@metallb-ts/linux-net/node'
import { createMembership, PROFILES } from '@metallb-ts/membership'
import { secretCipher } from '@metallb-ts/membership/node'
import { realRandom } from '@metallb-ts/runtime/node'
import type { LanMembers } from './lan-core.ts'
import type { LanEvents, LanInit, LanMembership } from './lan.ts'

/** Heartbeats on the loop that answers ARP: whoever stops answering stops being heard. */
export function nativeMembers(
  loop: PollLoop,
  { node }: LanInit,
  { bindAddress, bindPort, secret, profile }: LanMembership,
  events: Publisher<LanEvents>,
): LanMembers {
  const membership = createMembership(
    {
      clock: loop.clock,
      random: realRandom(),
      datagrams: { send: (bytes, address) => void socket.send(bytes, { address, port: bindPort }) },
      cipher: secretCipher(secret),
      events,
    },
    { node, profile: PROFILES[profile] },
  )
  const socket = new UdpSocket(loop, { address: bindAddress, port: bindPort }, bytes => membership.received(bytes))
  return {
    setPeers: peers => membership.setPeers(peers),
    alive: () => membership.alive(),
    leave: () => membership.stop(),
    close: () => socket.close(),
  }
}
