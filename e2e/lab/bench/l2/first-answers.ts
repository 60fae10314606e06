// Asks by ARP for many addresses in turn, and for each as a node announces it, until each has been answered; then prints
// when the first and the last were, as milliseconds since 1970, and how many nodes answered, as JSON.
// `first-answers.ts <interface> <how many addresses>`
import { readFileSync } from 'node:fs'
import { createWaker, PacketSocket, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { vip } from './addresses.ts'
import { announced, answer, EVERYTHING, number, request } from './arp-frames.ts'

const [name = '', count = '1000'] = process.argv.slice(2)
const PER_MS = 2
const ASKERS = 4_000

const loop = new PollLoop(createWaker(), () => {})
const index = Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'))
const packets = new PacketSocket({ index, protocol: 0x0806, filter: EVERYTHING })
const waiting = new Set(Array.from({ length: Number(count) }, (_, i) => number(vip(i))))
const owner = new Map<number, string>()
let turns = waiting.values()
let asker = 0
let firstAt = 0

loop.add(packets.fd, () => {
  for (let frame = packets.receive(); frame !== undefined; frame = packets.receive()) {
    const news = announced(frame)
    if (news !== undefined && waiting.has(news)) packets.send(request(asker++ % ASKERS, news))
    const found = answer(frame)
    if (found === undefined || !waiting.delete(found.target)) continue
    if (owner.size === 0) firstAt = wallTime()
    owner.set(found.target, found.mac)
  }
})

function tick(): void {
  if (waiting.size === 0) {
    process.stdout.write(`${JSON.stringify({ firstAt, lastAt: wallTime(), owners: new Set(owner.values()).size })}\n`)
    return loop.stop()
  }
  for (let i = 0; i < PER_MS; i++) ask()
  loop.clock.setTimer(1, tick)
}

function ask(): void {
  let next = turns.next()
  if (next.done === true) {
    turns = waiting.values()
    next = turns.next()
  }
  if (next.done !== true) packets.send(request(asker++ % ASKERS, next.value))
}

function wallTime(): number {
  return performance.timeOrigin + performance.now()
}

process.stdout.write('asking\n')
tick()
raiseThreadPriority()
loop.run()
process.exit(0)
