import { EventBus } from '@metallb-ts/event-bus'
import { observe as observeController } from '@metallb-ts/controller/observe'
import type { SpeakerEvents } from '@metallb-ts/speaker/events'
import { measureLatencies } from '@metallb-ts/speaker/latencies'
import { observe as observeSpeaker } from '@metallb-ts/speaker/observe'
import { observeLayer2 } from '@metallb-ts/speaker/observe-layer2'
import type { MetricDefinition, Metrics } from '@metallb-ts/runtime'
import { memoryLogger, SimClock } from '@metallb-ts/runtime/testing'

interface Described {
  readonly name: string
  readonly kind: string
  readonly labels: readonly string[]
  readonly help: string
}

/** docs/metrics.md: what both programs tell Prometheus, as they register it. */
export function metricsPage(alerts: readonly Alert[]): string {
  const lines = [INTRODUCTION]
  for (const [title, metrics] of [
    ['Controller', metricsOfController()],
    ['Speaker', metricsOfSpeaker()],
  ] as const) {
    lines.push(`## ${title}\n`, '| Metric | Kind | Labels | Says |', '| --- | --- | --- | --- |')
    for (const { name, kind, labels, help } of metrics)
      lines.push(`| \`${name}\` | ${kind} | ${labels.map(label => `\`${label}\``).join(', ')} | ${help} |`)
    lines.push('')
  }
  lines.push(ALERTS, '| Alert | When | For | Severity |', '| --- | --- | --- | --- |')
  for (const { alert, expr, for: lasting = '', labels = {} } of alerts)
    lines.push(`| ${alert} | \`${expr.replaceAll('|', '\\|')}\` | ${lasting} | ${labels['severity'] ?? ''} |`)
  return `${lines.join('\n')}\n`
}

const INTRODUCTION = `# Metrics

Written by \`e2e/chart/docs/write.ts\` from what the programs register. Both show \`/metrics\` by HTTPS, on port 9120, to whom the API
server lets read it: a token that may \`get\` the path \`/metrics\`. What Node itself tells (\`process_*\`, \`nodejs_*\`) comes besides.
Names that begin with \`metallb_ts_\` are not MetalLB's.
`

const ALERTS = `## Alerts

Of \`prometheus.prometheusRule.enabled\`; a dashboard for Grafana is [beside the chart](../charts/metallb/dashboards/metallb.json).
`

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
}

export function metricsOfController(): readonly Described[] {
  const { metrics, described } = recording()
  observeController({
    bus: new EventBus({ now: () => 0, onHandlerError: raise }),
    logger: memoryLogger(),
    metrics,
    recorder: { dropped: 0 },
    eventsBehind: { record: () => {} } as never,
    usage: () => [],
    waiting: () => 0,
    service: () => undefined,
  })
  return described
}

export function metricsOfSpeaker(): readonly Described[] {
  const { metrics, described } = recording()
  const parts = {
    bus: new EventBus<SpeakerEvents>({ now: () => 0, onHandlerError: raise }),
    metrics,
    lan: () => undefined,
  }
  observeSpeaker({
    ...parts,
    logger: memoryLogger(),
    node: '',
    bgp: { peers: new Map() } as never,
    announced: { entries: () => [] } as never,
    messages: {} as never,
  })
  observeLayer2({ ...parts, recorder: {} as never, services: {} as never })
  measureLatencies({ ...parts, clock: new SimClock(), serviceOfSlice: () => undefined })
  return described
}

/** Takes definitions down, and keeps no numbers. */
function recording(): { readonly metrics: Metrics; readonly described: readonly Described[] } {
  const described: Described[] = []
  const take =
    (kind: string) =>
    ({ name, help, labels = [] }: MetricDefinition<string>): never => {
      described.push({ name, kind, labels, help: help.replace(/\.$/, '') })
      return { add: nothing, set: nothing, remove: nothing, clear: nothing, observe: nothing } as never
    }
  return {
    metrics: { counter: take('counter'), gauge: take('gauge'), histogram: take('histogram') } as Metrics,
    described,
  }
}

function nothing(): void {}

function raise(error: unknown): never {
  throw error
}
