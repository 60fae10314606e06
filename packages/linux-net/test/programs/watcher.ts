// Tells in lines of JSON what the kernel tells it: links, ARP for 192.0.2.10, and datagrams, which it sends back.
import { writeSync } from 'node:fs'
import { address, formatAddress } from '@metallb-ts/netip'
import { arpFilter } from '../../src/index.ts'
import {
  createWaker,
  MulticastGroups,
  NetlinkMonitor,
  PacketSocket,
  PollLoop,
  UdpSocket,
} from '../../src/node/index.ts'

const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`)
const loop = new PollLoop(createWaker(), () => {})
const groups = new MulticastGroups()
let socket: PacketSocket | undefined

new NetlinkMonitor(loop, links => {
  say({
    links: links.map(({ name, isUp, hasCarrier, addresses }) => ({
      name,
      isUp,
      hasCarrier,
      addresses: addresses
        .filter(({ isTentative }) => !isTentative)
        .map(({ address, prefixLength }) => `${formatAddress(address)}/${prefixLength}`),
    })),
  })
  const eth0 = links.find(({ name }) => name === 'eth0')
  if (eth0 !== undefined && socket === undefined) {
    const opened = new PacketSocket({ index: eth0.index, protocol: 0x0806, filter: arpFilter([address('192.0.2.10')]) })
    socket = opened
    groups.join(address('ff02::1:ff00:10'), eth0.index)
    loop.add(opened.fd, () => {
      for (let frame = opened.receive(); frame !== undefined; frame = opened.receive()) {
        say({ frame: Buffer.from(frame.subarray(0, 42)).toString('hex') })
        opened.send(frame.slice())
      }
    })
  }
  if (links.some(({ name }) => name === 'the-end')) loop.stop()
})
for (const own of ['0.0.0.0', '::']) {
  const echo = new UdpSocket(loop, { address: address(own), port: own === '::' ? 7_947 : 7_946 }, (bytes, from) => {
    say({ datagram: Buffer.from(bytes).toString(), from: formatAddress(from.address) })
    echo.send(bytes.slice(), from)
  })
}
loop.clock.setTimer(20, () => say({ timer: true }))
loop.run()
say({ ended: true })
process.exit()
