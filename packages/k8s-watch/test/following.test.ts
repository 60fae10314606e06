import { EventBus } from '@metallb-ts/event-bus'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import {
  CONFIG_MAPS,
  createInformer,
  ENDPOINT_SLICES,
  follow,
  OLDER_ENDPOINTS,
  waitUntilServed,
  whenSynced,
  type Followed,
  type KubeEvents,
  type SliceObject,
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

describe('old API servers', () => {
  const endpoints = {
    metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '3' },
    subsets: [
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }, { ip: '10.0.0.2' }],
        notReadyAddresses: [{ ip: '10.0.0.3', nodeName: 'n2' }],
        ports: [{ port: 80 }],
      },
    ],
  }
  const beta = {
    metadata: { name: 'web-x', namespace: 'default', uid: 'u', resourceVersion: '3' },
    endpoints: [{ addresses: ['10.0.0.1'], topology: { 'kubernetes.io/hostname': 'n1' }, conditions: { ready: true } }],
  }

  async function informed(answer: (asked: Asked) => Promise<void>): Promise<readonly SliceObject[]> {
    const { asked, seams } = scene()
    const informer = createInformer<SliceObject>(seams, {
      resource: ENDPOINT_SLICES,
      older: OLDER_ENDPOINTS,
      initial: 'pages',
    })
    informer.start()
    for (let i = 0; i < 6; i++) {
      await settled()
      if (asked[i] === undefined || asked[i]!.isWatch) break
      await answer(asked[i]!)
    }
    expect(asked.at(-1)!.isWatch).toBe(true)
    informer.stop()
    return informer.list()
  }

  it('where EndpointSlice is v1beta1, the node is a label of topology', async () => {
    const slices = await informed(asked =>
      asked.request.path.includes('v1beta1') ? asked.list([beta as never], 5) : asked.status(404),
    )
    expect(slices).toMatchObject([
      { endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true } }] },
    ])
  })

  it('where there are only Endpoints, each becomes the slice of its Service', async () => {
    const slices = await informed(asked =>
      asked.request.path.endsWith('/api/v1/endpoints') ? asked.list([endpoints as never], 5) : asked.status(404),
    )
    expect(slices).toEqual([
      {
        metadata: { ...endpoints.metadata, labels: { 'kubernetes.io/service-name': 'web' } },
        endpoints: [
          { addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true, serving: true } },
          { addresses: ['10.0.0.2'], conditions: { ready: true, serving: true } },
          { addresses: ['10.0.0.3'], nodeName: 'n2', conditions: { ready: false, serving: false } },
        ],
      },
    ])
  })

  it('a watch of a version that is served no longer begins anew in the other', async () => {
    const { asked, clock, seams } = scene()
    const init = { resource: ENDPOINT_SLICES, older: OLDER_ENDPOINTS, initial: 'pages' } as const
    const informer = createInformer<SliceObject>(seams, init)
    informer.start()
    await settled()
    await asked[0]!.status(404)
    await asked[1]!.list([beta as never], 5)
    await asked[2]!.events(['ADDED', { ...beta, metadata: { ...beta.metadata, name: 'b', resourceVersion: '7' } }])
    clock.advance(5_000)
    await asked[2]!.end()
    await asked[3]!.status(404)
    await asked[4]!.list([], 7) // EndpointSlice v1 answers now: asked only whether it is there
    expect(asked[5]!.request.path).toBe('/apis/discovery.k8s.io/v1/endpointslices')
    expect(asked[5]!.isWatch).toBe(false)
    informer.stop()
  })

  it('[K-09] a definition that comes later is waited for', async () => {
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
