import type { Service } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import { createPrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { expect, it } from 'vitest'
import type { SpeakerEvents } from './events.ts'
import type { Lan, LanCounters } from './lan/lan.ts'
import { observeLayer2 } from './observe-layer2.ts'

const WEB: Service = {
  metadata: { name: 'web', namespace: 'default' },
  status: { loadBalancer: { ingress: [{ ip: '192.0.2.10' }] } },
}
const COUNTERS: LanCounters = {
  addresses: { '192.0.2.10': { requestsReceived: 1, responsesSent: 1, gratuitousSent: 1, conflicts: 3 } },
  ignored: { 'vlan-tagged': 2 },
  sendFailures: 4,
  bfd: [],
}

it('addresses that somebody else has are told of as Events of their Service and as metrics, refusals by reason', async () => {
  const bus = new EventBus<SpeakerEvents>({ now: () => 0, onHandlerError: error => expect.fail(String(error)) })
  const metrics = createPrometheusMetrics({ processMetrics: false })
  const recorded: string[] = []
  observeLayer2({
    bus,
    metrics,
    recorder: {
      record: (_, { type, reason, message }) => void recorded.push(`${type} ${reason} ${message}`),
      dropped: 0,
      flush: () => Promise.resolve(),
    },
    services: { by: (index, term) => (index === 'address' && term === '192.0.2.10' ? [WEB] : []) },
    lan: () => ({ counters: () => COUNTERS }) as Lan,
  })
  const where = { address: '192.0.2.10', interface: 'eth0', mac: '02:00:00:00:00:bb' }
  bus.publish('l2:conflict', where)
  bus.publish('l2:conflict', { ...where, node: 'n2' })
  bus.publish('l2:taken', where)
  expect(recorded).toEqual([
    'Warning addressConflict 02:00:00:00:00:bb claims 192.0.2.10, too, on interface eth0',
    'Warning addressConflict node n2 (02:00:00:00:00:bb) claims 192.0.2.10, too, on interface eth0',
    'Warning addressTaken 02:00:00:00:00:bb has 192.0.2.10 on interface eth0: it is not announced',
  ])
  const text = await metrics.page()
  expect(text).toContain('metallb_ts_layer2_ignored_frames{reason="vlan-tagged"} 2')
  expect(text).toContain('metallb_ts_layer2_conflicts{ip="192.0.2.10"} 3')
  expect(text).toContain('metallb_ts_layer2_send_failures 4')
  expect(text).toContain('metallb_ts_layer2_taken_address{ip="192.0.2.10",mac="02:00:00:00:00:bb"} 1')
  bus.publish('l2:gained', { address: '192.0.2.10', interface: 'eth0' })
  expect(await metrics.page()).not.toContain('metallb_ts_layer2_taken_address{')
})
