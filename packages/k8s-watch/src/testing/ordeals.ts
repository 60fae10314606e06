import assert from 'node:assert/strict'
import type { ProxyFaultEffect } from './faults.ts'
import { failsAs, shows, until, type OrdealScene } from './ordeal-scene.ts'
import { OLDER_ENDPOINTS } from '../endpoints.ts'
import { CONFIG_MAPS, ENDPOINT_SLICES, type Resource } from '../resource.ts'

export interface Ordeal {
  /** The failure case that it proves: `K-24`. */
  readonly id: string
  readonly name: string
  /** Rejects with what was not as it should be. */
  readonly endure: (scene: OrdealScene) => Promise<void>
}

/** What a store survives, before a real kube-apiserver and before the fake alike: in the end it shows what is there. */
export const ORDEALS: readonly Ordeal[] = [
  ordeal('K-01', 'connections that break before anything is answered', async scene => {
    scene.proxy.faults.add({ times: 3, effect: { type: 'reset' } })
    await scene.make('a')
    await shows(scene.follow(), 'a')
  }),
  ordeal('K-03', 'lists that fail with 500 and 503', async scene => {
    scene.proxy.faults.add({ watch: true, effect: { type: 'status', code: 500 } })
    scene.proxy.faults.add({ watch: false, effect: { type: 'status', code: 503 } })
    await scene.make('a')
    await shows(scene.follow(), 'a')
  }),
  ordeal('K-08', 'what is forbidden for a while', async scene => {
    scene.proxy.faults.add({ times: 2, effect: { type: 'status', code: 403, reason: 'Forbidden' } })
    await scene.make('a')
    const followed = scene.follow()
    await until('the trouble to be said', () => followed.informer.trouble?.startsWith('forbidden') === true)
    await shows(followed, 'a')
  }),
  ordeal('K-09', 'a server too old for EndpointSlices, that is upgraded, and taken back', async scene => {
    const hidden = { path: '/apis/discovery.k8s.io/', times: Infinity, effect: { type: 'status', code: 404 } } as const
    const { namespace, proxy, through } = scene
    const metadata = { name: 'web', namespace, labels: { mine: '' } }
    const slice = { metadata: { ...metadata, name: 'web-x' }, addressType: 'IPv6', endpoints: [] }
    await through.create(ENDPOINTS, { metadata, subsets: [] } as never)
    await through.create(ENDPOINT_SLICES, slice as never)
    proxy.faults.add(hidden)
    const followed = scene.follow({ resource: ENDPOINT_SLICES, older: OLDER_ENDPOINTS })
    await shows(followed, 'web')
    proxy.faults.clear()
    proxy.endWatches()
    await shows(followed, 'web-x')
    proxy.faults.add(hidden)
    proxy.endWatches()
    await shows(followed, 'web')
  }),
  ordeal('K-10', 'a page that is cut in the middle', async scene => {
    scene.proxy.faults.add({ watch: false, effect: { type: 'cut-body', after: 40 } })
    await scene.make('a')
    const followed = scene.follow({ initial: 'pages' })
    await shows(followed, 'a')
    assert.deepEqual(followed.informer.health.flaws, { cut: 1 })
  }),
  ...[10, 100_000].map(bytes =>
    ordeal('K-10', `a Content-Length that lies: ${bytes} bytes`, async scene => {
      scene.proxy.faults.add({ watch: false, effect: { type: 'content-length', bytes } })
      await scene.make('a')
      const followed = scene.follow({ initial: 'pages' })
      await shows(followed, 'a')
      assert.deepEqual(Object.values(followed.informer.health.flaws), [1])
    }),
  ),
  ordeal('K-11', 'a page that is no JSON', async scene => {
    scene.proxy.faults.add({ watch: false, effect: { type: 'replace-body', body: '<html>busy</html>' } })
    await scene.make('a')
    const followed = scene.follow({ initial: 'pages' })
    await shows(followed, 'a')
    assert.deepEqual(followed.informer.health.flaws, { 'not-json': 1 })
  }),
  ordeal('K-12', 'a continue token that has expired', async scene => {
    const names = Array.from({ length: 103 }, (_, i) => `n${String(i).padStart(3, '0')}`)
    await Promise.all(names.map(name => scene.make(name)))
    scene.proxy.faults.add({ path: 'continue=', effect: { type: 'status', code: 410, reason: 'Expired' } })
    await shows(scene.follow({ initial: 'pages' }), ...names)
    assert.equal(scene.proxy.requests.filter(request => request.includes('continue=')).length, 2)
  }),
  ordeal('K-16', 'a server that streams no lists', async scene => {
    scene.proxy.faults.add({ path: STREAMED, effect: { type: 'status', code: 422, reason: 'Invalid' } })
    await scene.make('a')
    await shows(scene.follow(), 'a')
  }),
  ordeal('K-17', 'a streamed list that is an ERROR at once', async scene => {
    scene.proxy.faults.add({ path: STREAMED, effect: insert(0, error(500)) })
    await scene.make('a')
    await shows(scene.follow(), 'a')
  }),
  ordeal('K-18', 'a server that is too old to know of streamed lists', async scene => {
    const names = [STREAMED, 'resourceVersionMatch']
    scene.proxy.faults.add({ path: STREAMED, effect: { type: 'ignore-parameters', names } })
    await scene.make('a')
    // One that is new tells the end of the set all the same; one that does not is read in pages after a while.
    await shows(scene.follow(), 'a')
  }),
  ordeal('K-19', 'a streamed list that breaks before its end', async scene => {
    for (const name of ['a', 'b', 'c']) await scene.make(name)
    scene.proxy.faults.add({ path: STREAMED, effect: { type: 'cut-line', after: 2 } })
    const followed = scene.follow()
    await shows(followed, 'a', 'b', 'c')
    assert.deepEqual([...followed.told].sort(), ['applied a', 'applied b', 'applied c'])
  }),
  ordeal('K-22', 'watches that end in good order', async scene => {
    await scene.make('a')
    const followed = scene.follow()
    await shows(followed, 'a')
    scene.proxy.endWatches()
    await scene.make('b')
    await shows(followed, 'a', 'b')
    assert.equal(followed.informer.health.sets, 1)
  }),
  ordeal('K-24', 'a connection that breaks within a line', async scene => {
    scene.proxy.faults.add({ path: RESUMED, effect: { type: 'cut-line', after: 1 } })
    const followed = scene.follow({ initial: 'pages' })
    await scene.watching()
    for (const name of ['a', 'b', 'c']) await scene.make(name)
    await shows(followed, 'a', 'b', 'c')
    assert.deepEqual(followed.told, ['applied a', 'applied b', 'applied c'])
    assert.deepEqual(followed.informer.health.flaws, { cut: 1 })
  }),
  ordeal('K-25', 'a large object, in pieces that end within characters', async scene => {
    const value = 'größe-日本-🙂'.repeat(30_000)
    scene.proxy.faults.add({ times: Infinity, effect: { type: 'split', bytes: 1_001 } })
    const followed = scene.follow()
    await shows(followed)
    await scene.make('large', { value })
    await shows(followed, 'large')
    assert.ok(followed.informer.list()[0]?.data?.['value'] === value, 'its characters are not what they were')
    assert.deepEqual(followed.informer.health.flaws, {})
  }),
  ordeal('K-26', '410 as the answer to a watch, twice', async scene => {
    scene.proxy.faults.add({ path: RESUMED, times: 2, effect: { type: 'status', code: 410, reason: 'Gone' } })
    await scene.make('a')
    const followed = scene.follow({ initial: 'pages' })
    await shows(followed, 'a')
    await scene.make('b')
    await shows(followed, 'a', 'b')
  }),
  ...(
    [
      ['K-26', 410],
      ['K-27', 500],
      ['K-28', 504],
    ] as const
  ).map(([id, code]) =>
    ordeal(id, `an ERROR event of ${code}`, async scene => {
      scene.proxy.faults.add({ path: RESUMED, effect: insert(1, error(code)) })
      const followed = scene.follow({ initial: 'pages' })
      await scene.watching()
      for (const name of ['a', 'b', 'c']) await scene.make(name)
      await shows(followed, 'a', 'b', 'c')
      assert.deepEqual([...followed.told].sort(), ['applied a', 'applied b', 'applied c'])
    }),
  ),
  ...(
    [
      ['K-29', 'unknown-event', '{"type":"RENAMED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}'],
      ['K-30', 'no-metadata', '{"type":"ADDED","object":{}}'],
      ['K-30', 'no-object', '{"type":"DELETED"}'],
      ['K-30', 'not-json', '{"type":"ADDED","object":{"met'],
      ['K-25', 'not-utf8', Buffer.from('{"type":"ADDED","object":"\xe6"}', 'latin1')],
    ] as const
  ).map(([id, flaw, line]) =>
    ordeal(id, `a line that is wrong: ${flaw}`, async scene => {
      scene.proxy.faults.add({ path: RESUMED, effect: insert(1, line) })
      const followed = scene.follow({ initial: 'pages' })
      await scene.watching()
      for (const name of ['a', 'b', 'c']) await scene.make(name)
      await until('the flaw to be met', () => followed.informer.health.flaws[flaw] === 1)
      await shows(followed, 'a', 'b', 'c')
      assert.deepEqual([...followed.told].sort(), ['applied a', 'applied b', 'applied c'])
      assert.deepEqual(followed.informer.health.flaws, { [flaw]: 1 })
    }),
  ),
  ordeal('K-31', 'every line twice', async scene => {
    scene.proxy.faults.add({ watch: true, times: Infinity, effect: { type: 'repeat-lines' } })
    const followed = scene.follow()
    await shows(followed)
    for (const name of ['a', 'b']) await scene.make(name)
    await scene.remove('a')
    await until('the deletion to be told', () => followed.told.includes('deleted a'))
    await shows(followed, 'b')
    assert.deepEqual(followed.told, ['applied a', 'applied b', 'deleted a'])
  }),
  ordeal('K-33', 'another object of the same name, made while nobody listened', async scene => {
    await scene.make('a', { value: 'first' })
    const followed = scene.follow()
    await shows(followed, 'a')
    scene.proxy.faults.add({ path: RESUMED, effect: { type: 'status', code: 410, reason: 'Expired' } })
    scene.proxy.setSilent(true)
    await scene.remove('a')
    await scene.make('a', { value: 'second' })
    scene.proxy.endWatches()
    scene.proxy.setSilent(false)
    await until('the change to be told', () => followed.told.length >= 3)
    assert.deepEqual(followed.told, ['applied a', 'deleted a', 'applied a'])
    assert.equal(followed.informer.list()[0]?.data?.['value'], 'second')
  }),
  ordeal('K-34', 'an object that leaves the selector', async scene => {
    await scene.make('a')
    const followed = scene.follow()
    await shows(followed, 'a')
    await scene.unlabel('a')
    await shows(followed)
    assert.deepEqual(followed.told, ['applied a', 'deleted a'])
  }),
  ordeal('K-36', 'silence without an end', async scene => {
    const followed = scene.follow({ idleMs: 2_000 })
    await shows(followed)
    scene.proxy.setSilent(true)
    await scene.make('a')
    await until('the silence to be noticed', () => followed.informer.trouble !== undefined)
    scene.proxy.setSilent(false)
    await shows(followed, 'a')
    assert.deepEqual(followed.told, ['applied a'])
  }),
  ordeal('K-58', 'a create whose answer is lost', async scene => {
    scene.proxy.faults.add({ method: 'POST', effect: { type: 'lose-answer' } })
    const object = { metadata: { name: 'once', namespace: scene.namespace, labels: { mine: '' } } }
    await failsAs('unreachable', scene.through.create(CONFIG_MAPS, object))
    await failsAs('already-exists', scene.through.create(CONFIG_MAPS, object))
    await shows(scene.follow(), 'once')
  }),
]

function ordeal(id: string, name: string, endure: Ordeal['endure']): Ordeal {
  return { id, name, endure }
}

const STREAMED = 'sendInitialEvents'
const RESUMED = 'resourceVersion='

function insert(after: number, line: string | Uint8Array): ProxyFaultEffect {
  return { type: 'insert', after, bytes: Buffer.concat([Buffer.from(line as string), Buffer.from('\n')]) }
}

function error(code: number): string {
  const details = code === 504 ? { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 } : {}
  return JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, message: 'as the test asked', details } })
}

const ENDPOINTS: Resource = { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true }
