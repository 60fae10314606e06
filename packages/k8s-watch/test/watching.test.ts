import { describe, expect, it } from 'vitest'
import { configMap, Scene, settled, type ConfigMap } from './scripted-server.ts'

describe('a watch', () => {
  it('gives what the store had of an object that is gone, by an event or by a new set', async () => {
    const gone: unknown[] = []
    const scene = new Scene({ onDeleted: object => gone.push(object.data?.['value']) })
    const watch = await scene.watching([configMap('a', 5, { value: 'A' }), configMap('b', 6, { value: 'B' })], 10)
    await watch.events(['DELETED', configMap('a', 11)])
    expect(gone).toEqual(['A'])
    await watch.events(['ERROR', { code: 410, reason: 'Expired' }])
    await scene.last.list([], 20)
    expect(gone).toEqual(['A', 'B'])
  })

  it('[K-22] that ends goes on from the last version, without a list', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['MODIFIED', configMap('a', 12)])
    await scene.advance(5_000)
    await watch.end()
    expect(scene.asked).toHaveLength(3)
    expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '12', allowWatchBookmarks: 'true' })
    expect(scene.states).toEqual(['synced'])
  })

  it('[K-23] that ends at once, a hundred times: ever slower, never a loop', async () => {
    const scene = new Scene()
    await scene.watching([], 10)
    const from = scene.clock.now()
    for (let i = 0; i < 100; i++) {
      await scene.last.events()
      await scene.last.end()
      await scene.nextRequest()
    }
    expect(scene.clock.now() - from).toBeGreaterThan(90 * 20_000)
    expect(scene.last.request.query).toMatchObject({ resourceVersion: '10' })
  })

  it('[K-26] 410 as an answer, as an event, and right after a list', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['MODIFIED', configMap('a', 11)], ['ERROR', { code: 410, reason: 'Expired' }])
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('b', 20)], 20)
    expect(scene.names).toEqual(['b'])
    // Twice right after a list: somebody is confused, and is not hammered.
    const before = scene.asked.length
    await scene.last.status(410, 'Gone')
    expect(scene.asked).toHaveLength(before)
    await scene.nextRequest()
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('b', 20)], 21)
    await scene.last.status(410, 'Gone')
    await scene.nextRequest()
    expect(scene.last.isWatch).toBe(false)
    expect(scene.told).toEqual(['applied a', 'applied a', 'deleted a', 'applied b'])
  })

  it('[K-27] ERROR 500 a few times: tried again from the same version', async () => {
    const scene = new Scene()
    await scene.watching([], 10)
    for (let i = 0; i < 3; i++) {
      await scene.last.events(['ERROR', { code: 500, message: 'etcd is slow' }])
      await scene.nextRequest()
      expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '10' })
    }
    await scene.last.events(['ADDED', configMap('a', 11)])
    expect(scene.names).toEqual(['a'])
    expect(scene.states).toEqual(['synced', 'lost', 'resumed'])
  })

  it('[K-28] a version that the server does not have yet: listed anew', async () => {
    const scene = new Scene()
    const watch = await scene.watching([], 10)
    const details = { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 }
    await watch.events(['ADDED', configMap('a', 11)], ['ERROR', { code: 504, reason: 'Timeout', details }])
    expect(scene.last.isWatch).toBe(false)
  })

  it('[K-29] an event of an unknown type may have been a change: the set is read anew', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['ADDED', configMap('b', 11)], ['RENAMED', configMap('a', 14)])
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('b', 11), configMap('z', 14)], 14)
    expect(scene.told).toEqual(['applied a', 'applied b', 'deleted a', 'applied z'])
    expect(scene.informer.health.flaws).toEqual({ 'unknown-event': 1 })
  })

  it('[K-29] a server that tells of nothing else is not asked for lists without end', async () => {
    const scene = new Scene()
    await scene.watching([], 10)
    const from = scene.clock.now()
    for (let i = 0; i < 30; i++) {
      await scene.last.events(['RENAMED', configMap('a', 14)])
      const list = scene.last.isWatch ? await scene.nextRequest() : scene.last
      await list.list([], 14 + i)
    }
    expect(scene.clock.now() - from).toBeGreaterThan(20 * 20_000)
  })

  it.each([
    ['without metadata', 'no-metadata', '{"type":"ADDED","object":{}}'],
    ['without a name', 'no-metadata', '{"type":"ADDED","object":{"metadata":{"resourceVersion":"12"}}}'],
    ['without a version', 'no-metadata', '{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}'],
    [
      'with a version that is a number',
      'no-metadata',
      '{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":9}}}',
    ],
    ['without an object', 'no-object', '{"type":"ADDED"}'],
    ['whose object is a text', 'no-object', '{"type":"ADDED","object":"a"}'],
    ['that is null', 'unknown-event', 'null'],
    ['that is no JSON', 'not-json', '{"type":"ADDED","obj'],
    ['that is a number', 'unknown-event', '7'],
  ])('[K-30] an event %s may have been a change: it counts as %s, and the set is read anew', async (_, flaw, line) => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['MODIFIED', configMap('a', 11)])
    await watch.line(line)
    const list = scene.last.isWatch ? await scene.nextRequest() : scene.last
    expect(list.isWatch).toBe(false)
    await list.list([configMap('c', 12)], 12)
    expect(scene.names).toEqual(['c'])
    expect(scene.informer.health.flaws).toEqual({ [flaw]: 1 })
  })

  it('[K-48] an object that cannot be projected harms no other, and is told', async () => {
    const project = (object: ConfigMap): ConfigMap => {
      if (object.data?.['value'] === 'odd') throw new TypeError('odd')
      return object
    }
    const scene = new Scene({ project })
    const watch = await scene.watching([configMap('a', 5, { value: 'odd' }), configMap('b', 6)], 10)
    expect(scene.names).toEqual(['b'])
    await watch.events(['MODIFIED', configMap('a', 11)], ['MODIFIED', configMap('b', 12, { value: 'odd' })])
    expect(scene.names).toEqual(['a'])
    expect(scene.states).toEqual(['unreadable default/a', 'synced', 'unreadable default/b'])
    expect(scene.informer.health).toMatchObject({ phase: 'watching', sets: 1, watches: 1, changes: 2, unreadable: 2 })
  })

  it('[K-31] duplicates, old and disordered versions change nothing, and the version never goes back', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(
      ['MODIFIED', configMap('a', 14, { value: 'new' })],
      ['MODIFIED', configMap('a', 14)],
      ['MODIFIED', configMap('a', 12, { value: 'old' })],
    )
    expect(scene.informer.get('default/a')?.data).toEqual({ value: 'new' })
    expect(scene.told).toEqual(['applied a', 'applied a'])
    await scene.advance(5_000)
    await watch.end()
    expect(scene.last.request.query).toMatchObject({ resourceVersion: '14' })
  })

  it('[K-31] an old event of an object that is gone since brings nothing back', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['MODIFIED', configMap('a', 11)], ['DELETED', configMap('a', 12)])
    await watch.events(['MODIFIED', configMap('a', 11)], ['ADDED', configMap('a', 5)])
    expect(scene.names).toEqual([])
    expect(scene.told).toEqual(['applied a', 'applied a', 'deleted a'])
  })

  it('[K-32] MODIFIED for an unknown object is its coming; DELETED for one is nothing', async () => {
    const scene = new Scene()
    const watch = await scene.watching([], 10)
    await watch.events(['MODIFIED', configMap('a', 11)], ['DELETED', configMap('b', 12)])
    expect(scene.told).toEqual(['applied a'])
  })

  it('[K-33] another object of the same name is the end of the one and the coming of the other', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5, { uid: 'one' })], 10)
    await watch.events(['MODIFIED', configMap('a', 12, { uid: 'two' })])
    expect(scene.told).toEqual(['applied a', 'deleted a', 'applied a'])
    await watch.events(['DELETED', configMap('a', 13, { uid: 'one' })])
    expect(scene.names).toEqual(['a'])
  })

  it('[K-34] an object that leaves the selector arrives as DELETED', async () => {
    const scene = new Scene({ labelSelector: 'app=x' })
    const watch = await scene.watching([configMap('a', 5)], 10)
    expect(watch.request.query).toMatchObject({ labelSelector: 'app=x' })
    await watch.events(['DELETED', configMap('a', 12)])
    expect(scene.names).toEqual([])
  })

  it('an object that the projection leaves out is not there, and leaves when it is projected away', async () => {
    const scene = new Scene({ project: raw => (raw.data?.['value'] === 'hidden' ? undefined : raw) })
    const watch = await scene.watching([configMap('a', 5), configMap('b', 6, { value: 'hidden' })], 10)
    expect(scene.names).toEqual(['a'])
    await watch.events(['MODIFIED', configMap('a', 12, { value: 'hidden' })])
    expect(scene.names).toEqual([])
  })

  it('[K-35] bookmarks alone keep the version fresh', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    for (let minute = 1; minute <= 10; minute++) {
      await scene.advance(60_000)
      await watch.bookmark(10 + minute * 100)
    }
    await watch.end()
    expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '1010' })
    expect(scene.informer.revision).toBe('1010')
    expect(scene.states).toEqual(['synced'])
  })

  it('[K-36] silence without an end: given up after its time, and begun again from the same version', async () => {
    const scene = new Scene({ idleMs: 100_000 })
    const watch = await scene.watching([], 10)
    await scene.advance(99_000)
    await watch.bookmark(11)
    await scene.advance(99_900)
    expect(scene.asked).toHaveLength(2)
    await scene.advance(200)
    expect(watch.request.signal?.aborted).toBe(true)
    await scene.nextRequest()
    expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '11' })
    expect(scene.informer.trouble).toContain('nothing heard')
  })

  it('[K-39] a server that restarts: the watch breaks, is refused, and resumes without telling anything twice', async () => {
    const scene = new Scene()
    const watch = await scene.watching([configMap('a', 5)], 10)
    await watch.events(['ADDED', configMap('b', 11)])
    await watch.end(new Error('reset by peer'))
    for (let i = 0; i < 4; i++) {
      await scene.nextRequest()
      await scene.last.fail()
    }
    await scene.nextRequest()
    await scene.last.events(['ADDED', configMap('b', 11)], ['ADDED', configMap('c', 12)])
    expect(scene.told).toEqual(['applied a', 'applied b', 'applied c'])
    expect(scene.states).toEqual(['synced', 'lost', 'resumed'])
  })

  it('[K-43] what the wall clock says means nothing', async () => {
    const scene = new Scene()
    let jump = 0
    const { wallTime } = scene.clock
    scene.clock.wallTime = () => wallTime.call(scene.clock) + jump
    const watch = await scene.watching([], 10)
    for (jump of [3_600_000, -3_600_000]) {
      await scene.advance(50_000)
      await watch.bookmark(11)
    }
    expect(scene.asked).toHaveLength(2)
  })

  it('[K-44] ten minutes asleep: the watch is given up, and its successor goes on where it was', async () => {
    const scene = new Scene()
    await scene.watching([configMap('a', 5)], 10)
    await scene.advance(600_000)
    expect(scene.last.request.query).toMatchObject({ watch: '1', resourceVersion: '10' })
    await scene.last.status(410, 'Expired')
    expect(scene.last.isWatch).toBe(false)
    await scene.last.list([configMap('b', 900)], 950)
    expect(scene.names).toEqual(['b'])
  })

  it('failures are forgotten after two minutes of health, not after the first event', async () => {
    const scene = new Scene()
    await scene.watching([], 10)
    for (let i = 0; i < 6; i++) {
      await scene.last.events(['ERROR', { code: 500 }])
      await scene.nextRequest()
    }
    await scene.last.events(['ADDED', configMap('a', 11)], ['ERROR', { code: 500 }])
    let from = scene.clock.now()
    await scene.nextRequest()
    expect(scene.clock.now() - from).toBeGreaterThan(15_000)
    await scene.last.events(['ADDED', configMap('b', 12)])
    await scene.advance(90_000)
    await scene.last.bookmark(13)
    await scene.advance(40_000)
    await scene.last.bookmark(14)
    await scene.last.events(['ERROR', { code: 500 }])
    from = scene.clock.now()
    await scene.nextRequest()
    expect(scene.clock.now() - from).toBeLessThan(1_200)
  })
})

describe('stopping', () => {
  it.each([
    ['connecting', async (_: Scene) => {}],
    ['backing off', async (scene: Scene) => scene.last.fail()],
    ['between two pages', async (scene: Scene) => scene.last.list([configMap('a', 1)], 4, { continue: 'x' })],
    ['opening the watch', async (scene: Scene) => scene.last.list([configMap('a', 1)], 4)],
    [
      'watching',
      async (scene: Scene) => {
        await scene.last.list([configMap('a', 1)], 4)
        await scene.last.events()
      },
    ],
  ])('[K-47] while %s: nothing is asked, told or left running afterwards', async (_, reach) => {
    const scene = new Scene()
    scene.informer.start()
    await settled()
    await reach(scene)
    const { length } = scene.told
    const open = scene.last
    scene.informer.stop()
    scene.informer.stop()
    await settled()
    const requests = scene.asked.length
    await open.list([configMap('late', 9)], 9)
    await open.events(['ADDED', configMap('later', 10)])
    await scene.advance(600_000)
    expect(scene.asked).toHaveLength(requests)
    expect(scene.told).toHaveLength(length)
    expect(scene.clock.pending).toBe(0)
  })

  it('[K-51] nothing of it is left: no timer, no request', async () => {
    const scene = new Scene()
    const watch = await scene.watching([], 10)
    expect(scene.clock.pending).toBeGreaterThan(0)
    scene.informer.stop()
    expect(scene.clock.pending).toBe(0)
    expect(watch.request.signal?.aborted).toBe(true)
  })
})

describe('waitFor', () => {
  it('resolves when the store is as new as asked, by a change or a bookmark, and not before', async () => {
    const scene = new Scene()
    const watch = await scene.watching([], 10)
    const reached: number[] = []
    for (const revision of [9, 12, 15]) void scene.informer.waitFor(String(revision)).then(() => reached.push(revision))
    await settled()
    expect(reached).toEqual([9])
    await watch.events(['ADDED', configMap('a', 12)])
    expect(reached).toEqual([9, 12])
    await watch.bookmark(20)
    expect(reached).toEqual([9, 12, 15])
  })

  it('rejects when it is given up', async () => {
    const scene = new Scene()
    await scene.watching([], 10)
    const abort = new AbortController()
    const waiting = scene.informer.waitFor('99', abort.signal)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(scene.informer.waitFor('99', abort.signal)).rejects.toThrow('enough')
  })
})
