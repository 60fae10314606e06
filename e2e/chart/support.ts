import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { parse } from 'yaml'
import { CHART, type Rendered } from '@metallb-ts/tools/chart/helm'

/** Helm, where the control plane's programs are. */
export const helm: ReturnType<typeof findBinaries> = findBinaries(['helm'])

/** Says in a suite's name why it is skipped. */
export const where: string = helm.ok ? 'helm is here' : helm.reason

/** `{ a: { b: value } }` of `a.b`, over what is there already. */
export function withValue(path: string, value: unknown, over: object = {}): Record<string, unknown> {
  const [key = '', ...rest] = path.split('.')
  const before = (over as Record<string, unknown>)[key]
  if (rest.length === 0) return { ...over, [key]: value }
  const inner = typeof before === 'object' && before !== null ? before : {}
  return { ...over, [key]: withValue(rest.join('.'), value, inner) }
}

export function valueAt(path: string, values: unknown): unknown {
  return path.split('.').reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], values)
}

export const DEFAULTS: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'))

/** The one object of this kind, whose name ends like that. */
export function object(objects: readonly Rendered[], kind: string, name = ''): Rendered {
  const found = objects.filter(one => one.kind === kind && one.metadata.name.endsWith(name))
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} are called ${name}`)
  return found[0]!
}

export interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number; readonly protocol?: string }[]
  readonly securityContext: object
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
}

export interface Probe {
  readonly httpGet: { readonly host?: string; readonly path: string; readonly port: number }
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly [field: string]: unknown
}

/** Of the controller's Deployment, or the speaker's DaemonSet. */
export function podOf(objects: readonly Rendered[], component: 'controller' | 'speaker'): PodSpec {
  const owner = object(objects, component === 'controller' ? 'Deployment' : 'DaemonSet')
  return (owner['spec'] as { template: { spec: PodSpec } }).template.spec
}

export function containerOf(objects: readonly Rendered[], component: 'controller' | 'speaker'): Container {
  return podOf(objects, component).containers[0]!
}
