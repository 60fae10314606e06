import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { configMap, Scene, settled, type Asked, type ConfigMap } from './scripted-server.ts'

const SEQUENCES = 10_000
const PAGE = 3
const MOST_STALE_LISTS = 3 // one that goes on being older was restored from a backup, and is believed in the end

const NONSENSE = [
  'null',
  '[]',
  '7',
  '<html>',
  '{"type":"RENAMED","object":{"metadata":{"name":"n1","resourceVersion":"99999"}}}',
  '{"type":"ADDED","object":{"metadata":{"resourceVersion":"99999"}}}',
  '{"type":"MODIFIED","object":{"metadata":{"name":"n1","uid":"x"}}}',
  '{"type":"DELETED"}',
  '{"type":"ERROR"}',
  '{"type":"ERROR","object":{"code":"many"}}',
]

interface Change {
  readonly revision: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: ConfigMap
}

interface Snapshot {
  readonly items: readonly ConfigMap[]
  readonly revision: number
}

/** A server with a history that forgets, and connections that break as chance has it. */
class FaultyServer {
  readonly objects = new Map<string, ConfigMap>()
  readonly #random: SimRandom
  readonly #scene: Scene
  readonly #watches = new Set<Asked>()
  readonly #snapshots = new Map<string, Snapshot>()
  #history: Change[] = []
  readonly #everything: Change[] = []
  readonly #past: Snapshot[] = []
  #staleLists = 0
  #forgotten = 0
  #revision = 10
  #handled = 0
  isFaulty = true

  constructor(scene: Scene, random: SimRandom) {
    this.#scene = scene
    this.#random = random
  }

  #chance(share: number): boolean {
    return this.isFaulty && this.#random.next() < share
  }

  #pick(count: number): number {
    return Math.floor(this.#random.next() * count)
  }

  /** Something happens to an object. */
  async mutate(): Promise<void> {
    this.#past.push({ items: [...this.objects.values()], revision: this.#revision })
    const name = `n${this.#pick(8)}`
    const before = this.objects.get(name)
    const revision = ++this.#revision
    const isDeletion = before !== undefined && this.#random.next() < 0.4
    const uid = before?.metadata.uid ?? `uid-${revision}`
    const object = configMap(name, revision, { uid, value: String(revision) })
    if (isDeletion) this.objects.delete(name)
    else this.objects.set(name, object)
    const change: Change = {
      revision,
      type: isDeletion ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED',
      object,
    }
    this.#history.push(change)
    this.#everything.push(change)
    for (const watch of this.#watches) await this.#send(watch, change)
  }

  async disturb(): Promise<void> {
    const [watch] = this.#watches
    switch (this.#pick(9)) {
      case 0:
        this.#forgotten = this.#revision
        this.#history = []
        return
      case 1:
        this.#watches.clear()
        return watch?.end()
      case 2:
        this.#watches.clear()
        return watch?.end(new Error('reset'))
      case 3: // silence: the watch stays open and tells nothing more
        this.#watches.clear()
        return
      case 4:
        this.#watches.clear()
        return watch?.events(['ERROR', { code: [410, 500, 504][this.#pick(3)] }])
      case 5:
        this.#watches.clear()
        return watch?.line('{"type":"MODIF')
      case 6: // what is no event of a change
        this.#watches.clear()
        return watch?.line(NONSENSE[this.#pick(NONSENSE.length)]!)
      case 7: {
        // what was told long ago, once more
        const old = this.#everything[this.#pick(this.#everything.length)]
        return old === undefined ? undefined : watch?.events([old.type, old.object])
      }
      default:
        return watch?.bookmark(this.#revision)
    }
  }

  /** Answers what is asked. */
  async serve(): Promise<void> {
    while (this.#handled < this.#scene.asked.length) {
      const asked = this.#scene.asked[this.#handled++]!
      const luck = this.isFaulty ? this.#random.next() : 1
      if (luck < 0.15) await asked.fail()
      else if (luck < 0.3) await asked.status([500, 503, 429, 410, 401][this.#pick(5)]!)
      else if (asked.isStreamedList) await this.#stream(asked)
      else if (asked.isWatch) await this.#watch(asked)
      else await this.#list(asked)
      await settled()
    }
  }

  async #stream(asked: Asked): Promise<void> {
    if (this.#chance(0.2)) return asked.status(422, 'Invalid')
    for (const object of this.objects.values()) {
      if (this.#chance(0.1)) return asked.end(new Error('cut'))
      await asked.events(['ADDED', object])
    }
    await asked.bookmark(this.#revision, true)
    this.#watches.add(asked)
  }

  async #watch(asked: Asked): Promise<void> {
    const from = Number(asked.request.query?.['resourceVersion'])
    if (from < this.#forgotten) return asked.status(410, 'Expired')
    await asked.events()
    for (const change of this.#history) if (change.revision > from) await this.#send(asked, change)
    this.#watches.add(asked)
  }

  async #send(watch: Asked, change: Change): Promise<void> {
    await watch.events([change.type, change.object])
    if (this.#chance(0.05)) await watch.events([change.type, change.object]) // twice
  }

  async #list(asked: Asked): Promise<void> {
    const token = asked.request.query?.['continue']
    if (token !== undefined && this.#chance(0.2)) return asked.status(410, 'Expired')
    const [id = '', from = '0'] = token?.split('.') ?? []
    const now = { items: [...this.objects.values()], revision: this.#revision }
    const isStale = id === '' && this.#chance(0.15) && this.#staleLists < MOST_STALE_LISTS
    if (isStale) this.#staleLists++
    const snapshot = this.#snapshots.get(id) ?? (isStale ? this.#past[this.#pick(this.#past.length)] : undefined) ?? now
    const name = id === '' ? `s${this.#handled}` : id
    this.#snapshots.set(name, snapshot)
    if (this.#chance(0.1)) return asked.answer(200, '{"items":[')
    const end = Number(from) + PAGE
    const more = end < snapshot.items.length ? { continue: `${name}.${end}` } : {}
    await asked.list(snapshot.items.slice(Number(from), end), snapshot.revision, more)
  }
}

async function play(seed: number): Promise<void> {
  const random = new SimRandom(seed)
  const scene = new Scene({ initial: random.next() < 0.5 ? 'stream' : 'pages' }, seed)
  const server = new FaultyServer(scene, random)
  const known = new Map<string, number>()
  scene.informer.start()
  await settled()
  for (let step = 0; step < 12; step++) {
    const act = random.next()
    if (act < 0.5) await server.mutate()
    else if (act < 0.75) await server.disturb()
    else await scene.advance(random.next() * 20_000)
    await server.serve()
    for (const { metadata } of scene.informer.list()) {
      const key = `${metadata.name} ${metadata.uid}`
      expect(Number(metadata.resourceVersion), `seed ${seed}: ${key} went back in time`).toBeGreaterThanOrEqual(
        known.get(key) ?? 0,
      )
      known.set(key, Number(metadata.resourceVersion))
    }
  }
  server.isFaulty = false
  const wanted = (): string =>
    JSON.stringify([...server.objects.values()].map(({ metadata, data }) => [metadata.name, metadata.uid, data]).sort())
  const held = (): string =>
    JSON.stringify(
      scene.informer
        .list()
        .map(({ metadata, data }) => [metadata.name, metadata.uid, data])
        .sort(),
    )
  for (let i = 0; i < 60 && (!scene.informer.isSynced || held() !== wanted()); i++) {
    await scene.advance(10_000)
    await server.serve()
  }
  expect(held(), `seed ${seed}`).toBe(wanted())
  expect(tally(scene.told), `seed ${seed}`).toEqual([...server.objects.keys()].sort())
  scene.informer.stop()
  expect(scene.clock.pending, `seed ${seed}`).toBe(0)
}

/** What is there by what was told. */
function tally(told: readonly string[]): readonly string[] {
  const there = new Set<string>()
  for (const line of told) {
    const [change, name] = line.split(' ') as [string, string]
    if (change === 'applied') there.add(name)
    else there.delete(name)
  }
  return [...there].sort()
}

describe('an informer among faults', () => {
  it(`${SEQUENCES} sequences: the store ends equal to the server, what was told adds up to it, and nothing went back in time`, async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) await play(seed)
  })
})
