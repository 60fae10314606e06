// Answers every datagram to the addresses given.
import { createSocket } from 'node:dgram'

for (const host of process.argv.slice(2)) {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address, () => {}))
  socket.bind(9_000, host)
}
