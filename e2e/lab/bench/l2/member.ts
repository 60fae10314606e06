// One member with real heartbeats, on the loop that a speaker's LAN thread has. `member.ts <port> <port of the others>
// <secret> <name=address ...>`, the first being itself; a line on standard input is answered by what it has used, as JSON.
import { readSync, writeSync } from 'node:fs'
import { EventBus } from '@metallb-ts/event-bus'
import { createWaker, PollLoop, UdpSocket } from '@metallb-ts/linux-net/node'
import { createMembership, type MembershipEvents } from '@metallb-ts/membership'
import { secretCipher } from '@metallb-ts/membership/node'
import { address } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'

const [port, portOfOthers, secret = '', ...named] = process.argv.slice(2)
const peers = named.map(each => {
  const [node = '', at = ''] = each.split('=')
  return { node, address: address(at) }
})
const own = peers[0]!
const loop = new PollLoop(createWaker(), () => {})
const { clock } = loop
const events = new EventBus<MembershipEvents>({
  now: () => clock.now(),
  onHandlerError: error => {
    throw error
  },
})
let sentOctets = 0
let sent = 0
const socket = new UdpSocket(loop, { address: own.address, port: Number(port) }, bytes => member.received(bytes))
const datagrams = {
  send: (bytes: Uint8Array, to: typeof own.address): void => {
    sent++
    sentOctets += bytes.length
    socket.send(bytes, { address: to, port: Number(portOfOthers) })
  },
}
const member = createMembership(
  { clock, random: realRandom(), cipher: secretCipher(secret), datagrams, events },
  { node: own.node },
)
member.setPeers(peers)

const line = Buffer.alloc(64)
loop.add(0, () => {
  if (readSync(0, line) === 0) return loop.stop()
  const { user, system } = process.cpuUsage()
  const { received } = member.counters
  const used = { cpuSeconds: (user + system) / 1e6, alive: member.alive().length, received, sent, sentOctets }
  writeSync(1, `${JSON.stringify(used)}\n`)
})
loop.run()
process.exit(0)
