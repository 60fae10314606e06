// Memory that own and received routes cost, above an established session without any. Run with --expose-gc.
import { established, ourSpeaker, sinkPeer } from './our-speaker.ts'
import { hostRoutes } from './routes.ts'
import { Sink } from './sink-process.ts'

const sink = await Sink.start()
const ours = ourSpeaker()
const up = established(ours, 1)
ours.speaker.addPeer(sinkPeer(0, sink.port))
await up
const peer = ours.speaker.peers.get('router-0')!

const idle = await heldOctets()
const answer: Record<string, number> = {}
let told = 0
for (const count of [10_000, 100_000]) {
  ours.speaker.setRoutes('bench', hostRoutes(count, 16))
  told += count === 10_000 ? count : count - 10_000
  await sink.told(told)
  answer[`own ${count}`] = (await heldOctets()) - idle
}
ours.speaker.setRoutes('bench', [])
await sink.told(told + 100_000)
const before = await heldOctets()
await sink.ask({ type: 'dump', count: 100_000 })
while (peer.receivedCount < 100_000) await new Promise(resolve => setTimeout(resolve, 20))
answer['received 100000'] = (await heldOctets()) - before
process.send!(answer)
sink.stop()
process.exit()

/** Everything that the program holds on to, once garbage is gone. */
async function heldOctets(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
