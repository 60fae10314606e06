// Writes charts/metallb/dashboards/metallb.json, for Grafana.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHART } from './helm.ts'

export const DASHBOARD_FILE: string = join(CHART, 'dashboards/metallb.json')

/** A panel: what is asked of Prometheus, and what a line is called. */
interface Panel {
  readonly title: string
  readonly kind: 'timeseries' | 'stat'
  readonly unit?: string
  readonly queries: readonly (readonly [expression: string, legend: string])[]
}

export const PANELS: readonly Panel[] = [
  {
    title: 'Services without an address',
    kind: 'stat',
    queries: [['sum(metallb_ts_services_waiting)', '']],
  },
  {
    title: 'Processes with configuration that is not in force',
    kind: 'stat',
    queries: [['sum(metallb_k8s_client_config_stale_bool)', '']],
  },
  {
    title: 'BGP sessions that are down',
    kind: 'stat',
    queries: [['count(metallb_bgp_session_up == 0) or vector(0)', '']],
  },
  {
    title: 'BFD sessions that are down',
    kind: 'stat',
    queries: [['count(metallb_bfd_session_up == 0) or vector(0)', '']],
  },
  {
    title: 'Pools in use',
    kind: 'timeseries',
    unit: 'percentunit',
    queries: [['metallb_allocator_addresses_in_use_total / metallb_allocator_addresses_total', '{{pool}}']],
  },
  {
    title: 'From a Service to its address',
    kind: 'timeseries',
    unit: 's',
    queries: [
      ['histogram_quantile(0.5, sum by (le) (rate(metallb_ts_allocation_seconds_bucket[5m])))', 'median'],
      ['histogram_quantile(0.95, sum by (le) (rate(metallb_ts_allocation_seconds_bucket[5m])))', '95 %'],
    ],
  },
  {
    title: 'Addresses announced, by node',
    kind: 'timeseries',
    queries: [['count by (node, protocol) (metallb_speaker_announced)', '{{node}} {{protocol}}']],
  },
  {
    title: 'Answers at layer 2',
    kind: 'timeseries',
    unit: 'reqps',
    queries: [
      ['sum(rate(metallb_layer2_requests_received[5m]))', 'asked'],
      ['sum(rate(metallb_layer2_responses_sent[5m]))', 'answered'],
      ['sum(rate(metallb_layer2_gratuitous_sent[5m]))', 'unasked'],
    ],
  },
  {
    title: 'Prefixes, by router',
    kind: 'timeseries',
    queries: [
      ['sum by (peer) (metallb_bgp_announced_prefixes_total)', '{{peer}} knows'],
      ['sum by (peer) (metallb_bgp_pending_prefixes_total)', '{{peer}} should know'],
    ],
  },
  {
    title: 'Reconciles',
    kind: 'timeseries',
    unit: 'ops',
    queries: [
      ['sum(rate(metallb_k8s_client_updates_total[5m]))', 'all'],
      ['sum(rate(metallb_k8s_client_update_errors_total[5m]))', 'failed'],
    ],
  },
]

export function dashboard(): string {
  const json = {
    title: 'MetalLB',
    uid: 'metallb-ts',
    tags: ['metallb'],
    schemaVersion: 39,
    editable: true,
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    templating: {
      list: [{ name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus', current: {} }],
    },
    panels: PANELS.map(panelAt),
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

function panelAt({ title, kind, unit = 'short', queries }: Panel, index: number): object {
  const source = { type: 'prometheus', uid: '${source}' }
  return {
    id: index + 1,
    title,
    type: kind,
    datasource: source,
    gridPos: placeOf(kind, index),
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(([expr, legendFormat], query) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + query),
      datasource: source,
      expr,
      legendFormat,
    })),
  }
}

/** Single numbers in the first row, lines by two below. */
function placeOf(kind: Panel['kind'], index: number): object {
  const stats = PANELS.filter(panel => panel.kind === 'stat').length
  if (kind === 'stat') return { x: (index * WIDTH) / stats, y: 0, w: WIDTH / stats, h: 4 }
  const line = index - stats
  return { x: (line % 2) * (WIDTH / 2), y: 4 + Math.floor(line / 2) * 8, w: WIDTH / 2, h: 8 }
}

const WIDTH = 24

if (import.meta.main) writeFileSync(DASHBOARD_FILE, dashboard())
