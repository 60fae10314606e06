import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { pause } from '../src/index.ts'
import { countsGiven, report, type Row } from './figures.ts'
import { REFUSING, SILENT } from './speaker/network.ts'
import { Scene } from './speaker/scene.ts'
import { buildSpeaker } from './speaker/speaker-process.ts'

/**
 * The speaker's bundle as a pod against a real kube-apiserver, with FRR's bgpd as the router, as JSON on standard output. All of it
 * lives in one network namespace. Times of routes are bgpd's own stamps; turns of the event loop are processor time.
 * `node --conditions=development bench/speaker.bench.ts [number of Services ...]`, and `CHANGES=20` for fewer of them.
 */
const CHANGES = Number(process.env['CHANGES'] ?? 100)
const TRIED_MS = 3_000

const rows: Row[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
const binaries = findBinaries()
if (!binaries.ok) throw new Error(binaries.reason)
const folder = mkdtempSync(join(tmpdir(), 'speaker-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
const speaker = await buildSpeaker(folder)
for (const services of countsGiven([0, 1_000, 5_000, 10_000])) {
  const scene = await Scene.build(binaries.folder, speaker, services)
  try {
    await measure(scene)
  } finally {
    await scene.remove()
  }
}
report('speaker', rows)
process.exit()

async function measure(scene: Scene): Promise<void> {
  const { cluster } = scene
  rows.push(await scene.fromStart())
  rows.push(await scene.atRest())
  rows.push(await scene.changes(CHANGES, 'one router'))
  await cluster.peer('silent', SILENT)
  await cluster.peer('refusing', REFUSING)
  await pause(TRIED_MS)
  rows.push(await scene.changes(CHANGES, 'beside it a router that never answers, and one that refuses'))
  await cluster.unpeer('silent')
  await cluster.unpeer('refusing')
  rows.push(await scene.restart())
}
