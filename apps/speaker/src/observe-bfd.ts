import type { Metrics } from '@metallb-ts/runtime'
import type { BfdView, Lan } from './lan/lan.ts'

/** The metrics of BFD, under the names of MetalLB's FRR mode. */
export function exposeBfd(metrics: Metrics, lan: () => Lan | undefined): void {
  const labelsOf = ({ remote, vrf }: BfdView): { peer: string; vrf: string } => ({
    peer: remote,
    vrf: vrf || 'default',
  })
  const countedPerSession = (name: string, help: string, value: (view: BfdView) => number): void => {
    metrics.counter({
      name,
      help,
      labels: ['peer', 'vrf'],
      collect: totals => {
        for (const view of lan()?.counters().bfd ?? []) totals.set(value(view), labelsOf(view))
      },
    })
  }
  const perCounter = (name: string, help: string, field: Exclude<keyof BfdView['counters'], 'discarded'>): void =>
    countedPerSession(name, help, ({ counters }) => counters[field])
  metrics.gauge({
    name: 'metallb_bfd_session_up',
    help: '1 while the path is well',
    labels: ['peer', 'vrf'],
    collect: gauge => {
      gauge.clear()
      for (const view of lan()?.counters().bfd ?? []) gauge.set(view.state === 'up' ? 1 : 0, labelsOf(view))
    },
  })
  perCounter('metallb_bfd_control_packet_input', 'Control packets taken', 'controlIn')
  perCounter('metallb_bfd_control_packet_output', 'Control packets sent', 'controlOut')
  perCounter('metallb_bfd_echo_packet_input', 'Echoes that came back', 'echoIn')
  perCounter('metallb_bfd_echo_packet_output', 'Echoes sent', 'echoOut')
  perCounter('metallb_bfd_session_up_events', 'Times the session came up', 'upEvents')
  perCounter('metallb_bfd_session_down_events', 'Times the session went down', 'downEvents')
  countedPerSession(
    'metallb_bfd_zebra_notifications',
    'Times that what runs over the path was told of a change',
    ({ counters: { upEvents, downEvents } }) => upEvents + downEvents,
  )
  metrics.counter({
    name: 'metallb_bfd_packets_discarded',
    help: 'Packets of this peer that were thrown away, by reason',
    labels: ['peer', 'vrf', 'reason'],
    collect: totals => {
      for (const view of lan()?.counters().bfd ?? [])
        for (const [reason, count] of Object.entries(view.counters.discarded))
          if (count > 0) totals.set(count, { ...labelsOf(view), reason })
    },
  })
}
