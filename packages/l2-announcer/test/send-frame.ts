import { PacketSocket } from '@metallb-ts/linux-net/node'

// Sends one frame, given in hexadecimal, out of the interface of the given index.
const [index, hex] = process.argv.slice(2)
const socket = new PacketSocket({
  index: Number(index),
  protocol: 0x88b5,
  filter: [{ code: 0x06, jt: 0, jf: 0, k: 0 }],
})
if (!socket.send(Buffer.from(hex ?? '', 'hex'))) throw new Error('not sent')
socket.close()
