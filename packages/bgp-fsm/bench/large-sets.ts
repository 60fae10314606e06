// A hundred thousand routes announced, withdrawn and absorbed, in a process of its own as a speaker is; answers with rows.
import { setTimeout as sleep } from 'node:timers/promises'
import { connected } from './our-speaker.ts'
import { hostRoutes } from './routes.ts'
import { Sink } from './sink-process.ts'
import { TurnWatch, type Measured } from './turn-watch.ts'

const MANY = 100_000

const sink = await Sink.start()
process.send!([...(await oneSet()), ...(await dump())])
sink.stop()
process.disconnect()

async function oneSet(): Promise<Measured[]> {
  const ours = await connected(1, sink.port)
  const before = await sink.counts()
  const routes = hostRoutes(MANY, 1)
  const watch = await TurnWatch.start()
  const start = nowMs()
  ours.speaker.setRoutes('bench', routes)
  const after = await sink.told(before.prefixes + MANY)
  const announcing = watch.rows()
  const asked = nowMs()
  ours.speaker.setRoutes('bench', [])
  const gone = await sink.told(after.prefixes + MANY)
  const withdrawing = watch.rows()
  watch.stop()
  await ours.speaker.stop()
  return [
    ['100 000 host routes of one set of attributes, to the last octet', after.lastMs - start, 'ms', ''],
    ['UPDATEs for them', after.updates - before.updates, 'messages', '128'],
    ...announcing,
    ['all of them withdrawn', gone.lastMs - asked, 'ms', ''],
    ...withdrawing,
  ]
}

/** A router's full table, one prefix an UPDATE, with a hold time of three seconds. */
async function dump(): Promise<Measured[]> {
  const ours = await connected(1, sink.port)
  const watch = await TurnWatch.start()
  const peer = ours.speaker.peers.get('router-0')!
  await sink.ask({ type: 'dump', count: MANY })
  const start = performance.now()
  while (peer.receivedCount < MANY) await sleep(1)
  const absorbedMs = performance.now() - start
  const turns = watch.rows()
  await sleep(1_500)
  const { longestSilenceMs } = await sink.counts()
  watch.stop()
  await ours.speaker.stop()
  return [
    ['100 000 UPDATEs of one prefix each, absorbed', absorbedMs, 'ms', '< 1000'],
    ...turns,
    ['longest time between KEEPALIVEs, due every 1000 ms', longestSilenceMs, 'ms', '≤ 1000'],
  ]
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
