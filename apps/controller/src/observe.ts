import type { Service } from '@metallb-ts/api'
import type { EventRecorder, KubeEvents } from '@metallb-ts/k8s-watch'
import type { EventBus } from '@metallb-ts/event-bus'
import type { PoolUsage } from '@metallb-ts/ipam'
import { explainForeignInstallation, explainProblem } from '@metallb-ts/policy'
import type { Logger, Metrics } from '@metallb-ts/runtime'
import type { EventsBehind } from './events-behind.ts'
import type { ConfigEvents, InstallationEvents, ProcessEvents, ServiceEvents } from './events.ts'

export interface ObserveParts {
  readonly bus: EventBus<KubeEvents & ServiceEvents & ConfigEvents & InstallationEvents & ProcessEvents>
  readonly logger: Logger
  readonly metrics: Metrics
  readonly recorder: Pick<EventRecorder, 'dropped'>
  readonly eventsBehind: EventsBehind
  readonly usage: () => readonly PoolUsage[]
  readonly waiting: () => number
  readonly service: (key: string) => Service | undefined
}

/** Bus to log, metrics and Kubernetes Events. Nothing here decides anything. */
export function observe(parts: ObserveParts): void {
  observeServices(parts)
  observeConfiguration(parts)
  observeInstallations(parts)
  observeWatches(parts)
  observePools(parts)
}

function observeServices({ bus, logger, metrics, recorder, eventsBehind, waiting }: ObserveParts): void {
  const updates = metrics.counter({
    name: 'metallb_k8s_client_updates_total',
    help: 'Reconciles of Services and pools.',
  })
  const errors = metrics.counter({ name: 'metallb_k8s_client_update_errors_total', help: 'Reconciles that failed.' })
  const waited = metrics.histogram({
    name: 'metallb_ts_allocation_seconds',
    help: 'From seeing a Service without an address to its status being written.',
    buckets: [0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60],
  })
  metrics.gauge({
    name: 'metallb_ts_services_waiting',
    help: 'Services that want an address and have none.',
    collect: gauge => gauge.set(waiting()),
  })
  metrics.gauge({
    name: 'metallb_ts_events_dropped_total',
    help: 'Kubernetes Events that could not be written.',
    collect: gauge => gauge.set(recorder.dropped),
  })
  bus.subscribe('service:reconciled', ({ detail }) => {
    updates.add(1)
    if (detail.failed) errors.add(1)
  })
  bus.subscribe('service:assigned', ({ detail: { service, addresses, pool, waitedMs } }) => {
    waited.observe(waitedMs / 1_000)
    logger.info('service-assigned', { msg: 'IP address assigned by controller', service, ips: addresses, pool })
  })
  bus.subscribe('service:pending', ({ detail: { service, code, sentence } }) => {
    logger.warn('service-pending', { msg: 'IP allocation failed', service, reason: code, error: sentence })
  })
  const contested = metrics.counter({
    name: 'metallb_ts_contested_statuses_total',
    help: 'Statuses that somebody else had replaced.',
  })
  bus.subscribe('service:contested', ({ detail: { service, shown, givesIn } }) => {
    contested.add(1)
    const msg = 'somebody else writes the addresses of this Service; is there a second load balancer in the cluster?'
    logger.error('service-contested', { msg, service, shown, action: givesIn ? 'left for a minute' : 'written again' })
  })
  bus.subscribe('service:released', ({ detail: { service } }) => logger.debug('service-released', { service }))
  bus.subscribe('service:told', ({ detail: { service, event } }) => eventsBehind.record(service, event))
}

function observeConfiguration({ bus, logger, metrics }: ObserveParts): void {
  const loaded = metrics.gauge({
    name: 'metallb_k8s_client_config_loaded_bool',
    help: '1 once a configuration was applied.',
  })
  const stale = metrics.gauge({
    name: 'metallb_k8s_client_config_stale_bool',
    help: '1 while some of the configuration cannot be used.',
  })
  loaded.set(0)
  stale.set(0)
  bus.subscribe('config:applied', ({ detail: { pools, lost } }) => {
    loaded.set(1)
    logger.info('config-applied', { msg: 'config reloaded', pools, servicesToMove: lost.length })
  })
  bus.subscribe('config:judged', ({ detail: { problems } }) => {
    stale.set(problems.length > 0 ? 1 : 0)
    for (const problem of problems.slice(0, MAX_LOGGED)) {
      logger.error('config-problem', {
        msg: 'failed to parse the configuration',
        code: problem.code,
        error: explainProblem(problem),
      })
    }
    if (problems.length > MAX_LOGGED) logger.error('config-problems', { more: problems.length - MAX_LOGGED })
  })
}

const MAX_LOGGED = 100 // a pool of ten thousand bad lines is one mistake

function observeInstallations({ bus, logger, metrics, eventsBehind, service }: ObserveParts): void {
  const count = metrics.gauge({
    name: 'metallb_ts_foreign_installations',
    help: 'Other load balancers that wrote Services of ours in the last ten minutes.',
  })
  count.set(0)
  bus.subscribe('installation:foreign', ({ detail: { installation, all } }) => {
    count.set(all.length)
    const message = explainForeignInstallation(installation)
    logger.error('foreign-installation', { msg: message, ...installation })
    const found = service(installation.service)
    if (found !== undefined) eventsBehind.record(found, { type: 'Warning', reason: 'ForeignInstallation', message })
  })
  bus.subscribe('installation:quiet', ({ detail: { manager, all } }) => {
    count.set(all.length)
    logger.info('foreign-installation-quiet', { manager })
  })
}

function observeWatches({ bus, logger }: ObserveParts): void {
  bus.subscribe('kube:watch-lost', ({ detail }) => logger.warn('watch-lost', { ...detail }))
  bus.subscribe('kube:watch-resumed', ({ detail }) => logger.info('watch-resumed', { ...detail }))
  bus.subscribe('kube:answer-flawed', ({ detail }) => logger.warn('answer-flawed', { ...detail }))
  bus.subscribe('kube:object-unreadable', ({ detail }) => logger.warn('object-unreadable', { ...detail }))
  bus.subscribe('process:works', ({ detail }) => logger.info('controller-works', { ...detail }))
  bus.subscribe('process:draining', ({ detail }) => logger.info('controller-stopping', { ...detail }))
}

/** Read at every scrape, so that a pool that went is gone from the page. */
function observePools({ metrics, usage }: ObserveParts): void {
  const gauge = (name: string, help: string, of: (usage: PoolUsage) => bigint): void => {
    metrics.gauge<'pool'>({
      name: `metallb_allocator_${name}_total`,
      help,
      labels: ['pool'],
      collect: gauge => {
        gauge.clear()
        for (const pool of usage()) gauge.set(Number(of(pool)), { pool: pool.pool })
      },
    })
  }
  gauge('addresses', 'Usable addresses of the pool.', ({ ipv4, ipv6 }) => ipv4.capacity + ipv6.capacity)
  gauge('ipv4_addresses', 'Usable IPv4 addresses of the pool.', ({ ipv4 }) => ipv4.capacity)
  gauge('ipv6_addresses', 'Usable IPv6 addresses of the pool.', ({ ipv6 }) => ipv6.capacity)
  gauge('addresses_in_use', 'Different addresses in use.', ({ ipv4, ipv6 }) => ipv4.assigned + ipv6.assigned)
  gauge('ipv4_addresses_in_use', 'Different IPv4 addresses in use.', ({ ipv4 }) => ipv4.assigned)
  gauge('ipv6_addresses_in_use', 'Different IPv6 addresses in use.', ({ ipv6 }) => ipv6.assigned)
}
