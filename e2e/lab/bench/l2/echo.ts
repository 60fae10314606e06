// Answers every datagram to the addresses given; at real-time priority, for it stands for a kernel that forwards.
import { createSocket } from 'node:dgram'
import { raiseThreadPriority } from '@metallb-ts/linux-net/node'

raiseThreadPriority()
for (const host of process.argv.slice(2)) {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address, () => {}))
  socket.bind(9_000, host)
}
