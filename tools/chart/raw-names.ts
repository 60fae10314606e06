import type { Rendered } from './helm.ts'

/**
 * The chart's objects under the names and labels of MetalLB's plain manifests, so that applying ours over those replaces
 * both processes instead of starting two more. Selectors of a Deployment never change, hence the labels.
 */
export function withRawNames(object: Rendered): Rendered {
  return rewritten(object) as Rendered
}

function rewritten(value: unknown): unknown {
  if (typeof value === 'string') return NAMES.get(value) ?? value
  if (Array.isArray(value)) return value.map(rewritten)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([key, item]) => rewrittenEntry(key, item))
  return Object.fromEntries(entries)
}

function rewrittenEntry(key: string, item: unknown): readonly (readonly [string, unknown])[] {
  if (key === 'app.kubernetes.io/name') return [['app', 'metallb']]
  if (key === 'app.kubernetes.io/component') return [['component', item]]
  return LABELS_OF_HELM.has(key) ? [] : [[key, rewritten(item)]]
}

const LABELS_OF_HELM = new Set([
  'helm.sh/chart',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
])

const NAMES: ReadonlyMap<string, string> = new Map([
  ['metallb-controller', 'controller'],
  ['metallb-speaker', 'speaker'],
  ['metallb-pod-lister', 'pod-lister'],
  ['metallb:controller', 'metallb-system:controller'],
  ['metallb:speaker', 'metallb-system:speaker'],
  ['metallb-memberlist', 'memberlist'],
  ['metallb-prometheus', 'prometheus-k8s'],
  ['metallb-controller-monitor', 'controller-monitor'],
  ['metallb-controller-monitor-service', 'controller-monitor-service'],
  ['metallb-speaker-monitor', 'speaker-monitor'],
  ['metallb-speaker-monitor-service', 'speaker-monitor-service'],
  ['app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker', 'app=metallb,component=speaker'],
  ['app.kubernetes.io/name', 'app'],
])
