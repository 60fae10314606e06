import { EventBus } from '@metallb-ts/event-bus'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import {
  CONFIG_MAPS,
  createInformer,
  ENDPOINT_SLICES,
  follow,
  waitUntilServed,
  whenSynced,
  type Followed,
  type KubeEvents,
} from '../src/index.ts'
import { Asked, configMap, settled, type ConfigMap } from './scripted-server.ts'

function scene(): {
  readonly asked: Asked[]
  readonly clock: SimClock
  readonly errors: unknown[]
  readonly events: EventBus<KubeEvents>
  readonly seams: Parameters<typeof createInformer>[0]
} {
  const clock = new SimClock()
  const asked: Asked[] = []
  const errors: unknown[] = []
  const events = new EventBus<KubeEvents>({ now: () => clock.now(), onHandlerError: error => void errors.push(error) })
  const transport: Parameters<typeof createInformer>[0]['transport'] = {
    close: () => Promise.resolve(),
    request: request =>
      new Promise((resolve, reject) => void asked.push(new Asked(request, clock.now(), resolve, reject))),
  }
  return { asked, clock, errors, events, seams: { transport, clock, events, random: new SimRandom(1) } }
}

describe('following', () => {
  it('[K-49] who comes late is told the whole set, once, and then what changes', async () => {
    const { asked, events, seams } = scene()
    const informer = createInformer<ConfigMap>(seams, { resource: CONFIG_MAPS, initial: 'pages' })
    informer.start()
    await settled()
    await asked[0]!.list([configMap('a', 1), configMap('b', 2)], 5)
    const told: Followed<ConfigMap>[] = []
    const stop = follow(events, informer, change => void told.push(change))
    expect(told.map(({ key }) => key)).toEqual(['default/a', 'default/b'])
    await asked[1]!.events(['DELETED', configMap('a', 6)], ['ADDED', configMap('c', 7)])
    expect(told.slice(2)).toEqual([
      { key: 'default/a', value: undefined },
      { key: 'default/c', value: configMap('c', 7) },
    ])
    stop()
    await asked[1]!.events(['DELETED', configMap('c', 8)])
    expect(told).toHaveLength(4)
    informer.stop()
  })

  it('[K-48] a handler that throws, rejects or never ends keeps nothing from anybody', async () => {
    const { asked, events, errors, seams } = scene()
    const told: string[] = []
    events.subscribe('kube:changed', () => {
      throw new Error('thrown')
    })
    events.subscribe('kube:changed', () => Promise.reject(new Error('rejected')) as never)
    events.subscribe('kube:changed', () => new Promise<void>(() => {}) as never)
    events.subscribe('kube:changed', ({ detail }) => void told.push(detail.key))
    const informer = createInformer<ConfigMap>(seams, { resource: CONFIG_MAPS, initial: 'pages' })
    informer.start()
    await settled()
    await asked[0]!.list([configMap('a', 1)], 5)
    await asked[1]!.events(['ADDED', configMap('b', 6)])
    expect(told).toEqual(['default/a', 'default/b'])
    expect(informer.size).toBe(2)
    expect(errors.map(error => (error as Error).message).sort()).toEqual(['rejected', 'rejected', 'thrown', 'thrown'])
    informer.stop()
  })

  it('a gate opens once, when the last set has come', async () => {
    const { asked, events, seams } = scene()
    const [one, two] = ['one', 'two'].map(namespace =>
      createInformer<ConfigMap>(seams, { resource: CONFIG_MAPS, namespace, initial: 'pages' }),
    )
    let opened = 0
    whenSynced(events, [one!, two!], () => opened++)
    one!.start()
    two!.start()
    await settled()
    await asked[0]!.list([], 1)
    expect(opened).toBe(0)
    await asked[1]!.list([], 1)
    expect(opened).toBe(1)
    whenSynced(events, [one!, two!], () => opened++)
    expect(opened).toBe(2)
    one!.stop()
    two!.stop()
  })
})

describe('a definition', () => {
  it('[K-09] that comes later is waited for', async () => {
    const { asked, clock, seams } = scene()
    let isServed = false
    void waitUntilServed(seams, [ENDPOINT_SLICES], { everyMs: 1_000 }).then(() => (isServed = true))
    await asked[0]!.status(404)
    clock.advance(1_000)
    await settled()
    await asked[1]!.fail()
    clock.advance(1_000)
    await settled()
    await asked[2]!.answer(200, { resources: [{ name: 'others' }] })
    clock.advance(1_000)
    await settled()
    expect(isServed).toBe(false)
    await asked[3]!.answer(200, { resources: [{ name: 'endpointslices' }] })
    expect(isServed).toBe(true)
    expect(asked[3]!.request.path).toBe('/apis/discovery.k8s.io/v1')
  })
})
