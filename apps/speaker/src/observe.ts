import { diagnosticName } from '@metallb-ts/bfd'
import type { Peer, Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import { formatAddress } from '@metallb-ts/netip'
import { explainProblem, explainSilence } from '@metallb-ts/policy'
import type { Logger, Metrics } from '@metallb-ts/runtime'
import type { AnnouncedTracker } from './announced-here.ts'
import type { SpeakerEvents } from './events.ts'
import type { BfdView, Lan } from './lan/lan.ts'
import type { MessageCounter, MessageCounts } from './message-counts.ts'

export interface ObserveParts {
  readonly bus: EventBus<SpeakerEvents>
  readonly logger: Logger
  readonly metrics: Metrics
  readonly node: string
  readonly bgp: BgpSpeaker
  readonly announced: AnnouncedTracker
  readonly messages: MessageCounter
  readonly lan: () => Lan | undefined
}

/** From the bus to the log, and to metrics. */
export function observe(parts: ObserveParts): void {
  logEvents(parts)
  countEvents(parts)
}

function logEvents({ bus, logger, node }: ObserveParts): void {
  bus.subscribe('service:announced', ({ detail }) => logger.info('service-announced', detail))
  bus.subscribe('service:withdrawn', ({ detail }) => logger.info('service-withdrawn', detail))
  bus.subscribe('service:silent', ({ detail: { service, silences } }) => {
    for (const silence of silences) {
      logger.debug('service-not-announced', {
        service,
        protocol: silence.protocol,
        code: silence.code,
        reason: explainSilence(silence),
      })
    }
  })
  bus.subscribe('config:judged', ({ detail: { problems } }) => {
    for (const problem of problems)
      logger.error('configuration-problem', { code: problem.code, problem: explainProblem(problem) })
  })
  bus.subscribe('peer:refused', ({ detail }) => logger.error('peer-refused', detail))
  bus.subscribe('bgp:established', ({ detail }) => logger.info('session-established', detail))
  bus.subscribe('bgp:closed', ({ detail: { peer, sentence } }) =>
    logger.warn('session-closed', { peer, reason: sentence }),
  )
  bus.subscribe('bgp:attempt-failed', ({ detail: { peer, sentence, retryMs } }) =>
    logger.warn('session-attempt-failed', { peer, reason: sentence, retryMs }),
  )
  bus.subscribe('kube:watch-lost', ({ detail }) => logger.warn('watch-lost', detail))
  bus.subscribe('kube:watch-resumed', ({ detail }) => logger.info('watch-resumed', detail))
  bus.subscribe('kube:answer-flawed', ({ detail }) => logger.warn('answer-flawed', detail))
  bus.subscribe('kube:object-unreadable', ({ detail }) => logger.warn('object-unreadable', detail))
  bus.subscribe('member:joined', ({ detail }) => logger.info('member-joined', detail))
  bus.subscribe('member:left', ({ detail }) => logger.info('member-left', detail))
  bus.subscribe('member:elects-otherwise', ({ detail }) => logger.error('member-elects-otherwise', detail))
  bus.subscribe('l2:gained', ({ detail }) => logger.info('address-gained', detail))
  bus.subscribe('l2:lost', ({ detail }) => logger.info('address-lost', detail))
  bus.subscribe('l2:conflict', ({ detail }) => logger.error('address-conflict', { ...detail }))
  bus.subscribe('l2:taken', ({ detail }) => logger.error('address-taken', { ...detail }))
  bus.subscribe('bfd:up', ({ detail }) => logger.info('bfd-up', { ...detail }))
  bus.subscribe('bfd:state-changed', ({ detail }) => {
    if (detail.from !== 'up') return
    const { session, cause, diagnostic, remoteDiagnostic } = detail
    const said = remoteDiagnostic === undefined ? undefined : diagnosticName(remoteDiagnostic)
    logger.warn('bfd-down', { session, cause, diagnostic: diagnosticName(diagnostic), remoteDiagnostic: said })
  })
  bus.subscribe('bfd:send-failed', ({ detail }) => logger.error('bfd-send-failed', { ...detail }))
  bus.subscribe('bfd:stalled', ({ detail }) => logger.warn('bfd-stalled', { ...detail }))
  bus.subscribe('drain:moved', ({ detail }) => logger.info('drain-moved', { node, ...detail }))
  bus.subscribe('process:ready', ({ detail }) => logger.info('speaker-ready', { node, ...detail }))
  bus.subscribe('process:works', ({ detail }) => logger.info('speaker-works', { node, ...detail }))
  bus.subscribe('process:draining', ({ detail }) => logger.info('speaker-draining', { node, ...detail }))
}

function countEvents({ bus, metrics, node, bgp, announced: tracker, messages, lan }: ObserveParts): void {
  metrics.gauge({
    name: 'metallb_speaker_announced',
    help: '1 for every address that this node answers for, or that a router was told',
    labels: ['service', 'protocol', 'node', 'ip'],
    collect: gauge => {
      gauge.clear()
      for (const [service, { addresses, prefixes }] of tracker.entries()) {
        for (const ip of addresses) gauge.set(1, { service, protocol: 'layer2', node, ip })
        for (const prefix of prefixes)
          gauge.set(1, { service, protocol: 'bgp', node, ip: prefix.replace(HOST_LENGTH, '') })
      }
    },
  })
  const reconciles = metrics.counter({ name: 'metallb_k8s_client_updates_total', help: 'Reconciles' })
  const failures = metrics.counter({ name: 'metallb_k8s_client_update_errors_total', help: 'Reconciles that failed' })
  failures.add(0)
  bus.subscribe('service:reconciled', ({ detail: { failed } }) => {
    reconciles.add(1)
    if (failed) failures.add(1)
  })
  const loaded = metrics.gauge({
    name: 'metallb_k8s_client_config_loaded_bool',
    help: '1 once a configuration was applied',
  })
  const stale = metrics.gauge({
    name: 'metallb_k8s_client_config_stale_bool',
    help: '1 while some of the configuration is not in force',
  })
  loaded.set(0)
  stale.set(0)
  bus.subscribe('config:applied', () => loaded.set(1))
  bus.subscribe('config:judged', ({ detail: { problems } }) => stale.set(problems.length > 0 ? 1 : 0))
  exposeSessions(metrics, bgp, messages)
  exposeLayer2(metrics, lan)
  exposeBfd(metrics, lan)
}

/** A route for one address is shown as the address, as MetalLB does. */
const HOST_LENGTH = /(?<=^[^:]+)\/32$|\/128$/

function exposeSessions(metrics: Metrics, bgp: BgpSpeaker, messages: MessageCounter): void {
  const rows = (row: { set(value: number, labels: { peer: string }): void }, value: (peer: Peer) => number): void => {
    for (const peer of bgp.peers.values()) row.set(value(peer), { peer: labelOf(peer) })
  }
  const perPeer = (name: string, help: string, value: (peer: Peer) => number): void => {
    metrics.gauge({
      name,
      help,
      labels: ['peer'],
      collect: gauge => {
        gauge.clear()
        rows(gauge, value)
      },
    })
  }
  const countedPerPeer = (name: string, help: string, value: (peer: Peer) => number): void => {
    metrics.counter({ name, help, labels: ['peer'], collect: totals => rows(totals, value) })
  }
  perPeer('metallb_bgp_session_up', '1 while the session is established', peer =>
    peer.state === 'established' ? 1 : 0,
  )
  const perMessage = (name: string, help: string, field: keyof MessageCounts): void =>
    countedPerPeer(name, help, peer => messages.of(peer.init.name)[field])
  perMessage('metallb_bgp_updates_total_received', 'UPDATEs received', 'updates_received')
  perMessage('metallb_bgp_opens_sent', 'OPENs sent', 'opens_sent')
  perMessage('metallb_bgp_opens_received', 'OPENs received', 'opens_received')
  perMessage('metallb_bgp_notifications_sent', 'NOTIFICATIONs sent', 'notifications_sent')
  perMessage('metallb_bgp_keepalives_sent', 'KEEPALIVEs sent', 'keepalives_sent')
  perMessage('metallb_bgp_keepalives_received', 'KEEPALIVEs received', 'keepalives_received')
  perMessage('metallb_bgp_route_refresh_sent', 'ROUTE-REFRESHs sent', 'route_refresh_sent')
  countedPerPeer('metallb_bgp_total_sent', 'Messages sent', peer => peer.counters.messagesSent)
  countedPerPeer('metallb_bgp_total_received', 'Messages received', peer => peer.counters.messagesReceived)
  countedPerPeer('metallb_bgp_updates_total', 'UPDATEs sent', peer => peer.counters.updatesSent)
  perPeer('metallb_bgp_announced_prefixes_total', 'Prefixes that the router was told', peer => peer.prefixes.advertised)
  perPeer('metallb_bgp_pending_prefixes_total', 'Prefixes that the router should know', peer => peer.prefixes.desired)
}

/** MetalLB's label: the address and port, or the interface of a peer that has no address yet. */
function labelOf({ remote, init }: Peer): string {
  return `${remote === undefined ? (init.interface ?? init.name) : formatAddress(remote)}:${init.port ?? 179}`
}

function exposeLayer2(metrics: Metrics, lan: () => Lan | undefined): void {
  const perAddress = (
    name: string,
    help: string,
    field: 'requestsReceived' | 'responsesSent' | 'gratuitousSent',
  ): void => {
    metrics.counter({
      name,
      help,
      labels: ['ip'],
      collect: totals => {
        for (const [ip, counters] of Object.entries(lan()?.counters().addresses ?? {}))
          totals.set(counters[field], { ip })
      },
    })
  }
  perAddress('metallb_layer2_requests_received', 'Requests for addresses that this node owns', 'requestsReceived')
  perAddress('metallb_layer2_responses_sent', 'Answers to them', 'responsesSent')
  perAddress('metallb_layer2_gratuitous_sent', 'Announcements that nobody asked for', 'gratuitousSent')
}

function exposeBfd(metrics: Metrics, lan: () => Lan | undefined): void {
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
