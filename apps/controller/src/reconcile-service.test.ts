import { EventBus } from '@metallb-ts/event-bus'
import { range } from '@metallb-ts/netip'
import type { RequestRules } from '@metallb-ts/policy'
import { SimClock } from '@metallb-ts/runtime/testing'
import { beforeEach, expect, test } from 'vitest'
import { AddressBook } from './address-book.ts'
import type { InstallationEvents, ServiceEvents } from './events.ts'
import { ForeignInstallations } from './foreign-installations.ts'
import type { KeptService } from './projections.ts'
import { createServiceReconciler, type ServiceReconciler } from './reconcile-service.ts'
import { WaitingServices } from './waiting.ts'

const KEY = 'default/web'
const POOL = {
  name: 'a',
  labels: {},
  ranges: [range('192.0.2.0/31')],
  excluded: [],
  autoAssign: true,
  avoidBuggyIPs: false,
}
const RULES: RequestRules = { pools: [POOL], brokenPools: new Map(), loadBalancerClass: '' }

let stored: KeptService
let written: KeptService
let decisions: number
let book: AddressBook
let reconciler: ServiceReconciler
let reconcile: ServiceReconciler['reconcile']

beforeEach(() => {
  const clock = new SimClock()
  const events = new EventBus<ServiceEvents & InstallationEvents>({
    now: () => clock.now(),
    onHandlerError: console.error,
  })
  const waiting = new WaitingServices({ clock, wake: () => {} })
  book = new AddressBook(() => waiting.freed())
  book.setPools([POOL], [], RULES)
  decisions = 0
  stored = {
    metadata: { name: 'web', namespace: 'default', resourceVersion: '1' },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] },
  }
  reconciler = createServiceReconciler({
    ...{ clock, events, waiting, rules: () => RULES, foreign: new ForeignInstallations({ clock, events }) },
    services: { get: () => stored },
    book: {
      decide: (...asked) => {
        decisions++
        return book.decide(...asked)
      },
      settled: key => book.settled(key),
      gone: key => book.gone(key),
      get grounds() {
        return book.grounds
      },
    },
    write: (service, patch) => {
      const metadata = {
        ...service.metadata,
        resourceVersion: '2',
        annotations: { ...patch.metadata.annotations } as never,
      }
      written = { ...service, ...patch, metadata } as KeptService
      const answer = written
      return Promise.resolve({ ok: true, value: { isVersion: version => version === '2', read: () => answer } })
    },
  })
  reconcile = key => reconciler.reconcile(key)
})

test('what the watch brings back of our own write is not judged again', async () => {
  await reconcile(KEY)
  stored = written
  await reconcile(KEY)
  expect(decisions).toBe(1)
  await reconcile(KEY)
  expect(decisions).toBe(2)
})

test('it is, when pools have changed meanwhile', async () => {
  await reconcile(KEY)
  stored = written
  book.setPools([POOL], [stored], RULES)
  await reconcile(KEY)
  expect(decisions).toBe(2)
})

test('it is, when somebody else wrote over it', async () => {
  await reconcile(KEY)
  stored = { ...written, metadata: { ...written.metadata, resourceVersion: '3' } }
  await reconcile(KEY)
  expect(decisions).toBe(2)
})

test('before it comes back, a decision is made from what was written', async () => {
  await reconcile(KEY)
  await reconcile(KEY)
  expect(decisions).toBe(2)
  expect(written.metadata.resourceVersion).toBe('2')
})

test('our own write is over when it comes back, once', async () => {
  await reconcile(KEY)
  expect(reconciler.isOver(KEY)).toBe(false)
  stored = written
  expect(reconciler.isOver(KEY)).toBe(true)
  expect(reconciler.isOver(KEY)).toBe(false)
})

test('it is not over when pools have changed meanwhile, or somebody else wrote over it', async () => {
  await reconcile(KEY)
  stored = { ...written, metadata: { ...written.metadata, resourceVersion: '3' } }
  expect(reconciler.isOver(KEY)).toBe(false)
  stored = written
  book.setPools([POOL], [stored], RULES)
  expect(reconciler.isOver(KEY)).toBe(false)
})
