import { describe, expect, it } from 'vitest'
import { configMap, Scene, settled } from './scripted-server.ts'

const MINUTE = 60_000

describe('the first list', () => {
  it('[K-01] a server that is down at the start is asked again until it is there', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    while (scene.clock.now() < 20_000) {
      await scene.last.fail()
      await scene.nextRequest()
    }
    expect(scene.asked.length).toBeLessThan(10)
    expect(scene.informer.trouble).toContain('connection refused')
    await scene.last.list([configMap('a', 5)], 7)
    await scene.last.events()
    expect(scene.names).toEqual(['a'])
    await scene.last.bookmark(8)
    expect(scene.informer.trouble).toBeUndefined()
    expect(scene.states).toEqual(['lost', 'synced', 'resumed'])
  })

  it('[K-04] 429 with Retry-After: nothing is sent earlier', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    await scene.last.answer(429, { code: 429, message: 'slow down' }, { 'retry-after': '3' })
    await scene.nextRequest()
    expect(scene.clock.now()).toBeGreaterThanOrEqual(3_000)
  })

  it('[K-05] 429 without it: the back-off of any failure', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    await scene.last.status(429)
    await scene.nextRequest()
    expect(scene.clock.now()).toBeGreaterThanOrEqual(500)
    expect(scene.clock.now()).toBeLessThanOrEqual(1_100)
  })

  it('[K-07] 401 for ever: ever slower, up to half a minute, and the trouble is said', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    let before = 0
    for (let i = 0; i < 12; i++) {
      await scene.last.status(401, 'Unauthorized')
      before = scene.clock.now()
      await scene.nextRequest()
    }
    expect(scene.clock.now() - before).toBeGreaterThan(20_000)
    expect(scene.clock.now() - before).toBeLessThan(38_000)
    expect(scene.informer.trouble).toContain('unauthorized')
  })

  it('[K-09] 404 until a definition is installed', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    for (let i = 0; i < 4; i++) {
      await scene.last.status(404, 'NotFound')
      await scene.nextRequest()
    }
    await scene.last.list([], 3)
    expect(scene.informer.isSynced).toBe(true)
  })

  it('[K-10] [K-11] a list that is cut, or no JSON, shows nothing, and is asked for again', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    for (const body of ['{"items":[{"metadata":{"name":"a"', '<html>', 'null', '']) {
      await scene.last.answer(200, body)
      expect(scene.informer.isSynced).toBe(false)
      await scene.nextRequest()
    }
    await scene.last.list([configMap('a', 1)], 1)
    expect(scene.names).toEqual(['a'])
    expect(scene.told).toEqual(['applied a'])
  })

  it('[K-12] a continue token that expires begins the list anew, and nothing is shown before it is whole', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    await scene.last.list([configMap('a', 1)], 5, { continue: 'x' })
    await scene.last.list([configMap('b', 2)], 5, { continue: 'y' })
    expect(scene.last.request.query).toMatchObject({ continue: 'y' })
    await scene.last.status(410, 'Expired')
    expect(scene.told).toEqual([])
    await scene.nextRequest()
    expect(scene.last.request.query?.['continue']).toBeUndefined()
    await scene.last.list([configMap('b', 7)], 9)
    expect(scene.names).toEqual(['b'])
    expect(scene.told).toEqual(['applied b'])
  })

  it('[K-13] pages of different versions: the watch begins from the older', async () => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    await scene.last.list([configMap('a', 1)], 5, { continue: 'x' })
    await scene.last.list([configMap('b', 8)], 9)
    expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '5' })
  })

  it('[K-14] a list without items, or with null for items, is a whole set', async () => {
    for (const body of [{ metadata: { resourceVersion: '3' } }, { items: null, metadata: { resourceVersion: '3' } }]) {
      const scene = new Scene()
      scene.informer.start()
      await settled()
      await scene.last.answer(200, body)
      expect(scene.states).toEqual(['synced'])
    }
  })

  it('[K-40] a list older than what is known is not shown: no store goes back in time', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['ADDED', configMap('b', 12)], ['ERROR', { code: 410, reason: 'Expired' }])
    await scene.last.list([configMap('a', 5)], 10) // from a server that is behind
    expect(scene.names).toEqual(['a', 'b'])
    await scene.nextRequest()
    await scene.last.list([configMap('a', 5), configMap('b', 12), configMap('c', 13)], 13)
    expect(scene.names).toEqual(['a', 'b', 'c'])
    expect(scene.told).toEqual(['applied a', 'applied b', 'applied c'])
  })

  it('a server that insists on an older state was restored from a backup, and is right in the end', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 100)
    await watch.events(['ADDED', configMap('b', 112)], ['ERROR', { code: 410, reason: 'Expired' }])
    for (let i = 0; i < 6; i++) {
      await scene.last.list([configMap('a', 5, { value: 'restored' })], 40)
      if (i < 5) await scene.nextRequest()
    }
    expect(scene.names).toEqual(['a'])
    expect(scene.informer.get('default/a')?.data).toEqual({ value: 'restored' })
  })
})

describe('a streamed list', () => {
  async function streaming(): Promise<Scene> {
    const scene = new Scene({ initial: 'stream' })
    scene.informer.start()
    await settled()
    expect(scene.last.isStreamedList).toBe(true)
    return scene
  }

  it('is shown when it is whole, and goes on as the watch', async () => {
    const scene = await streaming()
    await scene.last.events(['ADDED', configMap('a', 3)], ['ADDED', configMap('b', 2)])
    expect(scene.told).toEqual([])
    await scene.last.bookmark(9, true)
    expect(scene.names).toEqual(['a', 'b'])
    await scene.last.events(['MODIFIED', configMap('a', 11)], ['DELETED', configMap('b', 12)])
    expect(scene.told).toEqual(['applied a', 'applied b', 'applied a', 'deleted b'])
    expect(scene.asked).toHaveLength(1)
    await scene.advance(2_000)
    await scene.last.end()
    expect(scene.last.request.query).toMatchObject({ resourceVersion: '12' })
    expect(scene.last.isStreamedList).toBe(false)
  })

  it.each([
    ['[K-16] refused with 422', 422],
    ['[K-16] refused with 400', 400],
    ['[K-16] forbidden', 403],
  ])('%s: read in pages at once, and not asked for again for an hour', async (_, code) => {
    const scene = await streaming()
    await scene.last.status(code, 'Invalid')
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('a', 1)], 4)
    expect(scene.names).toEqual(['a'])
    await scene.last.events(['ERROR', { code: 410 }])
    expect(scene.last.isStreamedList).toBe(false)
    const relist = scene.last.isWatch ? await scene.nextRequest() : scene.last
    expect(relist.isWatch).toBe(false)
  })

  it('[K-17] an ERROR at once: read in pages', async () => {
    const scene = await streaming()
    await scene.last.events(['ERROR', { code: 500, message: 'the storage does not support it' }])
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('a', 1)], 4)
    expect(scene.names).toEqual(['a'])
  })

  it('[K-18] a server that ignores the parameter never says that the set is whole: after ten silent seconds, in pages', async () => {
    const scene = await streaming()
    await scene.last.events(['ADDED', configMap('a', 3)])
    await scene.advance(9_000)
    await scene.last.events(['ADDED', configMap('b', 4)])
    await scene.advance(9_900)
    expect(scene.asked).toHaveLength(1)
    await scene.advance(200)
    expect(scene.asked).toHaveLength(2)
    expect(scene.last.isWatch).toBe(false)
    expect(scene.told).toEqual([])
    await scene.last.list([configMap('a', 3)], 4)
    expect(scene.names).toEqual(['a'])
  })

  it('[K-36] a server that does not even take the request is no such server: it is asked for a stream again', async () => {
    const scene = await streaming()
    await scene.advance(99_000)
    expect(scene.asked).toHaveLength(1)
    const next = await scene.nextRequest()
    expect(scene.informer.trouble).toContain('nothing heard')
    expect(next.isStreamedList).toBe(true)
  })

  it('[K-04] 429 with Retry-After: pages are not sent earlier either', async () => {
    const scene = await streaming()
    await scene.last.answer(429, { kind: 'Status', code: 429 }, { 'retry-after': '7' })
    const next = await scene.nextRequest()
    expect(next.at - scene.asked[0]!.at).toBeGreaterThanOrEqual(7_000)
    expect(next.isStreamedList).toBe(true)
  })

  it('[K-04] 429 of a cache that is not there yet says nothing of load: pages come from behind it, at once', async () => {
    const scene = await streaming()
    const body = { kind: 'Status', code: 429, message: 'storage is (re)initializing' }
    await scene.last.answer(429, body, { 'retry-after': '30' })
    expect(scene.asked).toHaveLength(2)
    expect(scene.last.isStreamedList).toBe(false)
  })

  it('[K-03] a server that is busy for a moment is asked for a stream again', async () => {
    const scene = await streaming()
    await scene.last.status(503, 'ServiceUnavailable')
    await scene.last.status(503, 'ServiceUnavailable')
    expect((await scene.nextRequest()).isStreamedList).toBe(true)
  })

  it('[K-19] cut before its end: nothing is shown, and the store stays as it was', async () => {
    const scene = await streaming()
    await scene.last.events(['ADDED', configMap('a', 3)])
    await scene.last.end(new Error('reset'))
    expect(scene.told).toEqual([])
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('b', 3)], 4)
    expect(scene.told).toEqual(['applied b'])
  })

  it('[K-20] DELETED before its end takes the object out of the set', async () => {
    const scene = await streaming()
    await scene.last.events(['ADDED', configMap('a', 3)], ['ADDED', configMap('b', 4)], ['DELETED', configMap('a', 5)])
    await scene.last.bookmark(6, true)
    expect(scene.names).toEqual(['b'])
    expect(scene.told).toEqual(['applied b'])
  })

  it('a bookmark in the middle is not the end', async () => {
    const scene = await streaming()
    await scene.last.events(['ADDED', configMap('a', 3)])
    await scene.last.bookmark(4)
    expect(scene.informer.isSynced).toBe(false)
  })

  it('after the hour streaming is tried again', async () => {
    const scene = await streaming()
    await scene.last.status(422, 'Invalid')
    await scene.last.list([], 4)
    for (let i = 0; i < 70; i++) {
      await scene.last.bookmark(5 + i)
      await scene.advance(MINUTE)
    }
    await scene.last.events(['ERROR', { code: 410, reason: 'Expired' }])
    expect(scene.last.isStreamedList).toBe(true)
  })
})
