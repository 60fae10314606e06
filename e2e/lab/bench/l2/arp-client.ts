// Asks by ARP for one address at a steady rate, and prints how long answers took as JSON.
// `arp-client.ts <address> <requests a second> <seconds>`
import { readFileSync } from 'node:fs'
import { createWaker, PacketSocket, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { answer, EVERYTHING, number, request } from './arp-frames.ts'

const [target = '', perSecond = '500', seconds = '5'] = process.argv.slice(2)
const ASKERS = 4_000 // so many that no limit counts one of them
const LAST_ANSWERS_MS = 200
const count = Number(perSecond) * Number(seconds)
const everyMs = 1_000 / Number(perSecond)

const loop = new PollLoop(createWaker(), () => {})
const index = Number(readFileSync('/sys/class/net/e0/ifindex', 'utf8'))
const packets = new PacketSocket({ index, protocol: 0x0806, filter: EVERYTHING })
const frames = Array.from({ length: ASKERS }, (_, i) => request(i, number(target)))
const sentAt = new Float64Array(ASKERS)
const tookMs: number[] = []
let sent = 0

loop.add(packets.fd, () => {
  for (let frame = packets.receive(); frame !== undefined; frame = packets.receive()) {
    const found = answer(frame)
    if (found === undefined || sentAt[found.source] === 0) continue
    tookMs.push(performance.now() - sentAt[found.source]!)
    sentAt[found.source] = 0
  }
})

const startedAt = performance.now()
function tick(): void {
  const now = performance.now()
  const due = Math.min(count, Math.ceil((now - startedAt) / everyMs))
  for (; sent < due; sent++) {
    sentAt[sent % ASKERS] = performance.now()
    packets.send(frames[sent % ASKERS]!)
  }
  if (sent < count) loop.clock.setTimer(Math.min(1, everyMs), tick)
  else loop.clock.setTimer(LAST_ANSWERS_MS, finish)
}

function finish(): void {
  tookMs.sort((a, b) => a - b)
  const microseconds = (share: number): number => Math.round((tookMs[Math.floor(tookMs.length * share)] ?? NaN) * 1_000)
  const result = { sent, answered: tookMs.length, p50: microseconds(0.5), p99: microseconds(0.99) }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  loop.stop()
}

loop.clock.setTimer(1, tick)
raiseThreadPriority()
loop.run()
process.exit(0)
