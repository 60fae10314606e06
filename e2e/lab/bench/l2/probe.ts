// A client that sends a datagram a millisecond to one address, and asks by ARP for it and for others, one request a
// millisecond; prints what it saw as JSON. `probe.ts <seconds> <address> <how many addresses>`
import { readFileSync } from 'node:fs'
import { createWaker, PacketSocket, PollLoop, UdpSocket } from '@metallb-ts/linux-net/node'
import { address } from '@metallb-ts/netip'
import { answer, EVERYTHING, number, request } from './arp-frames.ts'
import { vip, type Seen } from './segment.ts'

const [seconds = '5', target = '', count = '1'] = process.argv.slice(2)
const OWN = '10.88.0.1'
const SOURCES = 256
const WARM_MS = 400 // the first requests find caches empty
const addresses = [target, ...Array.from({ length: Number(count) - 1 }, (_, i) => vip(i + 1))].map(number)

const loop = new PollLoop(createWaker(), () => {})
const index = Number(readFileSync('/sys/class/net/e0/ifindex', 'utf8'))
const packets = new PacketSocket({ index, protocol: 0x0806, filter: EVERYTHING })
const udp = new UdpSocket(loop, { address: address(OWN), port: 9_001 }, () => {
  const now = performance.now()
  gapMs = Math.max(gapMs, now - lastAnswer)
  lastAnswer = now
})

interface Asked {
  readonly of: number
  readonly at: number
  readonly by: Set<string>
}

const asked = new Map<number, Asked>()
const doubled = new Set<number>()
let gapMs = 0
let arpSilentMs = 0
let doubleMs = 0
let turn = 0
let isWarm = false
let lastAnswer = Infinity
let lastArp = Infinity
let doubleSince: number | undefined

loop.add(packets.fd, () => {
  for (let frame = packets.receive(); frame !== undefined; frame = packets.receive()) {
    const found = answer(frame)
    if (found !== undefined) asked.get(found.source)?.by.add(found.mac)
  }
})

/** Every other request is for the first address, the rest take turns. */
function ask(now: number): void {
  const source = turn % SOURCES
  const before = asked.get(source)
  if (before !== undefined) judge(before)
  const of = turn % 2 === 0 || addresses.length === 1 ? 0 : 1 + ((turn >> 1) % (addresses.length - 1))
  asked.set(source, { of, at: now, by: new Set() })
  packets.send(request(source, addresses[of]!, number(OWN)))
  turn++
}

function judge({ of, at, by }: Asked): void {
  if (by.size > 1) doubled.add(of)
  if (of !== 0) return
  if (by.size > 0) {
    arpSilentMs = Math.max(arpSilentMs, at - lastArp)
    lastArp = at
  }
  if (by.size < 2) doubleSince = undefined
  else {
    doubleSince ??= at
    doubleMs = Math.max(doubleMs, at - doubleSince)
  }
}

const startedAt = performance.now()
let next = startedAt
function tick(): void {
  const now = performance.now()
  if (now - startedAt > Number(seconds) * 1_000) return finish(now)
  if (now - startedAt > WARM_MS && !isWarm) {
    isWarm = true
    gapMs = 0
    lastAnswer = now
    lastArp = now
    process.stdout.write('started\n')
  }
  udp.send(Uint8Array.of(1), { address: address(target), port: 9_000 })
  ask(now)
  next = Math.max(next + 1, now)
  loop.clock.setTimer(next - now, tick)
}

function finish(now: number): void {
  gapMs = Math.max(gapMs, now - lastAnswer)
  for (const each of asked.values()) if (now - each.at > 50) judge(each)
  arpSilentMs = Math.max(arpSilentMs, now - 50 - lastArp)
  const seen: Seen = {
    gapMs: round(gapMs),
    arpSilentMs: round(arpSilentMs),
    doubleMs: round(doubleMs),
    doubled: doubled.size,
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`)
  loop.stop()
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}

tick()
loop.run()
process.exit(0)
