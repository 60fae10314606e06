import type { Publisher } from '@metallb-ts/event-bus'
import { UdpSocket, type PollLoop } from '@metallb-ts/linux-net/node'
import { secretCipher } from '@metallb-ts/membership/node'
import { realRandom } from '@metallb-ts/runtime/node'
import type { LanMembers } from './lan-core.ts'
import type { LanEvents, LanInit, LanMembership } from './lan.ts'
import { createMembers } from './members.ts'

/** Heartbeats on the loop that answers ARP: whoever stops answering stops being heard. */
export function nativeMembers(
  loop: PollLoop,
  init: LanInit,
  membership: LanMembership,
  events: Publisher<LanEvents>,
  onLinks: () => void,
): LanMembers {
  const { bindAddress, bindPort: port, secret } = membership
  const components = {
    clock: loop.clock,
    random: realRandom(),
    cipher: secretCipher(secret),
    open: (received: (bytes: Uint8Array) => void) => {
      const socket = new UdpSocket(loop, { address: bindAddress, port }, received)
      return {
        send: (bytes: Uint8Array, address: typeof bindAddress): void => void socket.send(bytes, { address, port }),
        close: () => socket.close(),
      }
    },
    events,
    onLinks,
  }
  return createMembers(components, init, membership)
}
