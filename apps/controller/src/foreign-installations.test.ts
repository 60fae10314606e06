import { EventBus } from '@metallb-ts/event-bus'
import { SimClock } from '@metallb-ts/runtime/testing'
import { expect, test } from 'vitest'
import type { InstallationEvents } from './events.ts'
import { ForeignInstallations } from './foreign-installations.ts'

const MINUTES = 60_000

function start(): { foreign: ForeignInstallations; clock: SimClock; told: string[] } {
  const clock = new SimClock()
  const told: string[] = []
  const bus = new EventBus<InstallationEvents>({
    now: () => clock.now(),
    onHandlerError: error => {
      throw error
    },
  })
  bus.subscribe('installation:foreign', ({ detail: { installation } }) => told.push(`+${installation.manager}`))
  bus.subscribe('installation:quiet', ({ detail: { manager } }) => told.push(`-${manager}`))
  const foreign = new ForeignInstallations({ clock, events: bus })
  foreign.begin([{ manager: 'controller', at: '2026-07-01T12:00:00Z' }])
  return { foreign, clock, told }
}

test('an installation is said once, with a Service of it, however much it writes', () => {
  const { foreign, told } = start()
  for (const service of ['default/web', 'default/other']) {
    foreign.look(service, { manager: 'kube-vip', at: '2026-07-01T12:00:01Z' })
    foreign.look(service, { manager: 'controller', at: '2026-07-01T12:00:00Z' })
  }
  expect(told).toEqual(['+kube-vip'])
  expect(foreign.all).toEqual([{ manager: 'kube-vip', service: 'default/web' }])
})

test('it is forgotten when it has been quiet for ten minutes, not before, and said again when it comes back', () => {
  const { foreign, clock, told } = start()
  const writer = { manager: 'kube-vip', at: '2026-07-01T12:00:01Z' }
  foreign.look('default/web', writer)
  clock.advance(9 * MINUTES)
  foreign.look('default/web', writer)
  clock.advance(9 * MINUTES)
  expect(told).toEqual(['+kube-vip'])
  clock.advance(11 * MINUTES)
  expect(told).toEqual(['+kube-vip', '-kube-vip'])
  expect(foreign.all).toEqual([])
  foreign.look('default/web', writer)
  expect(told).toEqual(['+kube-vip', '-kube-vip', '+kube-vip'])
  foreign.stop()
})

test('of very many only some are remembered', () => {
  const { foreign } = start()
  for (let i = 0; i < 1_000; i++) foreign.look('default/web', { manager: `m${i}`, at: '2026-07-01T12:00:01Z' })
  expect(foreign.all).toHaveLength(16)
})
