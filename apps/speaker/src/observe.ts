import { diagnosticName } from '@metallb-ts/bfd'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import { explainProblem, explainSilence } from '@metallb-ts/policy'
import type { Logger, Metrics } from '@metallb-ts/runtime'
import type { AnnouncedTracker } from './announced-here.ts'
import type { SpeakerEvents } from './events.ts'
import type { Lan } from './lan/lan.ts'
import type { MessageCounter } from './message-counts.ts'
import { exposeBfd } from './observe-bfd.ts'
import { exposeSessions } from './observe-sessions.ts'

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
