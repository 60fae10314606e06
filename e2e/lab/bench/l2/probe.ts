// A client that sends a datagram a millisecond to one address, and asks by ARP for it and for others, one request a
// millisecond. Lines on standard input: `watch <address> <how many addresses>` begins, and is answered by `watching` when
// its caches are warm, or cannot be; `report` ends, and is answered by what it saw as JSON.
import { readFileSync, readSync } from 'node:fs'
import { createWaker, PacketSocket, PollLoop, raiseThreadPriority, UdpSocket } from '@metallb-ts/linux-net/node'
import { address, type Address } from '@metallb-ts/netip'
import { answer, EVERYTHING, number, request } from './arp-frames.ts'
import { vip } from './addresses.ts'
import type { Seen } from './seen.ts'

const [OWN = ''] = process.argv.slice(2)
const ASKERS = 256
const WARM_MS = 150
/** Where nobody answers yet. */
const MOST_WARM_MS = 600
/** A request that has no second answer after this long gets none. */
const ANSWERED_MS = 50

interface Asked {
  readonly of: number
  readonly at: number
  readonly by: Set<string>
}

/** What is seen from `watching` to `report`. */
class Watch {
  readonly target: Address
  readonly #addresses: readonly number[]
  readonly #asked = new Map<number, Asked>()
  readonly #doubled = new Set<number>()
  readonly #since: number
  isWarm = false
  next: number
  #turn = 0
  #gapMs = 0
  #arpSilentMs = 0
  #doubleMs = 0
  #lastAnswer = 0
  #lastArp = 0
  #doubleSince: number | undefined

  constructor(target: string, count: number, now: number) {
    this.target = address(target)
    this.#addresses = [target, ...Array.from({ length: count - 1 }, (_, i) => vip(i + 1))].map(number)
    this.#since = now
    this.next = now
  }

  tick(now: number): void {
    const patienceMs = now - this.#lastAnswer < WARM_MS ? WARM_MS : MOST_WARM_MS
    if (!this.isWarm && now - this.#since > patienceMs) this.#begin(now)
    udp.send(Uint8Array.of(1), { address: this.target, port: 9_000 })
    this.#ask(now)
  }

  onDatagram(now: number): void {
    this.#gapMs = Math.max(this.#gapMs, now - this.#lastAnswer)
    this.#lastAnswer = now
  }

  onFrame(frame: Uint8Array): void {
    const found = answer(frame)
    const asked = found && this.#asked.get(found.source)
    if (asked !== undefined && this.#addresses[asked.of] === found!.target) asked.by.add(found!.mac)
  }

  report(now: number): Seen {
    for (const each of this.#asked.values()) if (now - each.at > ANSWERED_MS) this.#judge(each)
    return {
      gapMs: round(Math.max(this.#gapMs, now - this.#lastAnswer)),
      arpSilentMs: round(Math.max(this.#arpSilentMs, now - ANSWERED_MS - this.#lastArp)),
      doubleMs: round(this.#doubleMs),
      doubled: this.#doubled.size,
    }
  }

  #begin(now: number): void {
    this.isWarm = true
    this.#gapMs = 0
    this.#lastAnswer = now
    this.#lastArp = now
    process.stdout.write('watching\n')
  }

  /** Every other request is for the first address, the rest take turns. */
  #ask(now: number): void {
    const asker = this.#turn % ASKERS
    const before = this.#asked.get(asker)
    this.#asked.delete(asker)
    if (before !== undefined) this.#judge(before)
    const others = this.#addresses.length - 1
    const of = this.#turn % 2 === 0 || others === 0 ? 0 : 1 + ((this.#turn >> 1) % others)
    this.#asked.set(asker, { of, at: now, by: new Set() })
    packets.send(request(asker, this.#addresses[of]!))
    this.#turn++
  }

  #judge({ of, at, by }: Asked): void {
    if (!this.isWarm) return
    if (by.size > 1) this.#doubled.add(of)
    if (of !== 0) return
    if (by.size > 0) {
      this.#arpSilentMs = Math.max(this.#arpSilentMs, at - this.#lastArp)
      this.#lastArp = Math.max(this.#lastArp, at)
    }
    if (by.size < 2) this.#doubleSince = undefined
    else {
      this.#doubleSince ??= at
      this.#doubleMs = Math.max(this.#doubleMs, at - this.#doubleSince)
    }
  }
}

const loop = new PollLoop(createWaker(), () => {})
const index = Number(readFileSync('/sys/class/net/e0/ifindex', 'utf8'))
const packets = new PacketSocket({ index, protocol: 0x0806, filter: EVERYTHING })
const udp = new UdpSocket(loop, { address: address(OWN), port: 9_001 }, () => watch?.onDatagram(performance.now()))
let watch: Watch | undefined

loop.add(packets.fd, () => {
  for (let frame = packets.receive(); frame !== undefined; frame = packets.receive()) watch?.onFrame(frame)
})
loop.add(0, () => {
  const line = Buffer.alloc(256)
  const length = readSync(0, line)
  if (length === 0) return loop.stop()
  const [command, target = '', count] = line.toString('utf8', 0, length).trim().split(' ')
  if (command === 'watch') begin(new Watch(target, Number(count), performance.now()))
  else if (watch !== undefined) {
    process.stdout.write(`${JSON.stringify(watch.report(performance.now()))}\n`)
    watch = undefined
  }
})
raiseThreadPriority() // gaps are to be those of the network, not of this machine
loop.run()
process.exit(0)

function begin(fresh: Watch): void {
  watch = fresh
  const tick = (): void => {
    if (watch !== fresh) return
    const now = performance.now()
    fresh.tick(now)
    fresh.next = Math.max(fresh.next + 1, now)
    loop.clock.setTimer(fresh.next - now, tick)
  }
  tick()
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
