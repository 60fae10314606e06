import type { Service } from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import type { EventRecorder, Informer } from '@metallb-ts/k8s-watch'
import type { Metrics } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'
import type { Lan } from './lan/lan.ts'

export interface ObserveLayer2Parts {
  readonly bus: EventBus<SpeakerEvents>
  readonly metrics: Metrics
  readonly recorder: EventRecorder
  readonly services: Pick<Informer<Service>, 'by'>
  readonly lan: () => Lan | undefined
}

/** What is not MetalLB's: frames that got no answer, and addresses that somebody else has. */
export function observeLayer2({ bus, metrics, recorder, services, lan }: ObserveLayer2Parts): void {
  metrics.counter({
    name: 'metallb_ts_layer2_ignored_frames',
    help: 'Frames that got no answer, by reason',
    labels: ['reason'],
    collect: totals => {
      for (const [reason, count] of Object.entries(lan()?.counters().ignored ?? {})) totals.set(count, { reason })
    },
  })
  metrics.counter({
    name: 'metallb_ts_layer2_conflicts',
    help: 'Frames in which somebody else claimed an address that this node holds',
    labels: ['ip'],
    collect: totals => {
      for (const [ip, { conflicts }] of Object.entries(lan()?.counters().addresses ?? {})) totals.set(conflicts, { ip })
    },
  })
  metrics.counter({
    name: 'metallb_ts_layer2_send_failures',
    help: 'Frames that the kernel would not take',
    collect: totals => totals.set(lan()?.counters().sendFailures ?? 0),
  })
  const taken = metrics.gauge({
    name: 'metallb_ts_layer2_taken_address',
    help: '1 for an address that is not announced, for somebody else has it',
    labels: ['ip', 'mac'],
  })
  const known = new Map<string, string>()

  bus.subscribe('l2:taken', ({ detail: { address, mac, interface: link } }) => {
    known.set(address, mac)
    taken.set(1, { ip: address, mac })
    warn(address, 'addressTaken', `${mac} has ${address} on interface ${link}: it is not announced`)
  })
  bus.subscribe('l2:gained', ({ detail: { address } }) => {
    const mac = known.get(address)
    if (mac === undefined) return
    known.delete(address)
    taken.remove({ ip: address, mac })
  })
  bus.subscribe('l2:conflict', ({ detail: { address, mac, interface: link, node } }) => {
    const who = node === undefined ? mac : `node ${node} (${mac})`
    warn(address, 'addressConflict', `${who} claims ${address}, too, on interface ${link}`)
  })

  function warn(address: string, reason: string, message: string): void {
    for (const { metadata } of services.by('address', address)) {
      recorder.record({ apiVersion: 'v1', kind: 'Service', metadata }, { type: 'Warning', reason, message })
    }
  }
}
