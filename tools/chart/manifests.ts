// Writes config/manifests and the kustomize overlays beside it from the chart.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { stringify } from 'yaml'
import { ROOT } from '../run.ts'
import { renderChart, type Rendered } from './helm.ts'
import { withRawNames } from './raw-names.ts'

const NAMESPACE = 'metallb-system'

/** What MetalLB's plain manifests have, as values of the chart. */
const NATIVE = { prometheus: { scrapeAnnotations: true } }
const WEBHOOKS = { controller: { webhookMode: 'enabled' }, crds: { conversionWebhook: true } }
const MONITORS = {
  serviceAccount: 'prometheus-k8s',
  namespace: 'monitoring',
  serviceMonitor: { enabled: true, interval: '30s' },
}

/** Every generated file, by its path in the repository. */
export async function manifests(): Promise<ReadonlyMap<string, string>> {
  const native = [NAMESPACE_OBJECT, ...(await render(NATIVE, true))]
  const watched = await render({ prometheus: { ...NATIVE.prometheus, ...MONITORS } })
  const monitors = difference(native, watched)
  const asked = await render({ ...NATIVE, ...WEBHOOKS }, true)
  const webhooks = difference(native, asked.filter(isNoDefinition))
  const policies = (
    await render({ ...NATIVE, ...WEBHOOKS, networkpolicies: { enabled: true, defaultDeny: true } })
  ).filter(({ kind }) => kind === 'NetworkPolicy')
  const files: readonly (readonly [string, string])[] = [
    ['manifests/metallb-native.yaml', documents(native)],
    ['manifests/metallb-native-prometheus.yaml', documents([...native, ...monitors.added])],
    ['manifests/kustomization.yaml', kustomization({ resources: ['metallb-native.yaml'] })],
    ['native/kustomization.yaml', kustomization({ resources: ['../manifests'] })],
    ['prometheus-native/kustomization.yaml', kustomization({ resources: ['../native', 'monitors.yaml'] })],
    ['prometheus-native/monitors.yaml', documents(monitors.added)],
    [
      'webhooks/kustomization.yaml',
      kustomization({
        resources: ['../native', 'webhooks.yaml'],
        patches: [{ path: 'controller.yaml' }, { path: 'conversion.yaml' }],
      }),
    ],
    ['webhooks/conversion.yaml', documents(asked.flatMap(conversionOf))],
    ['webhooks/webhooks.yaml', documents(webhooks.added)],
    ['webhooks/controller.yaml', documents(webhooks.changed)],
    ['networkpolicies/kustomization.yaml', kustomization({ resources: ['policies.yaml'] })],
    ['networkpolicies/policies.yaml', documents(policies)],
  ]
  const options = { ...(await resolveConfig(join(ROOT, 'package.json'))), parser: 'yaml' }
  const formatted = files.map(async ([path, text]) => [`config/${path}`, await format(HEADER + text, options)] as const)
  return new Map(await Promise.all(formatted))
}

const HEADER = '# Written by tools/chart/manifests.ts from charts/metallb.\n'

/** Packet sockets and the node's network are more than the other levels allow. */
const LEVELS = ['enforce', 'audit', 'warn'].map(mode => [`pod-security.kubernetes.io/${mode}`, 'privileged'])

const NAMESPACE_OBJECT: Rendered = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: NAMESPACE, labels: Object.fromEntries(LEVELS) },
}

async function render(values: object, crds = false): Promise<readonly Rendered[]> {
  return (await renderChart({ namespace: NAMESPACE, values, crds })).map(withRawNames)
}

/** What a choice brings, and which objects are other ones with it. None goes away. */
function difference(
  without: readonly Rendered[],
  all: readonly Rendered[],
): { readonly added: readonly Rendered[]; readonly changed: readonly Rendered[] } {
  const before = new Map(without.map(object => [identity(object), object]))
  return {
    added: all.filter(object => !before.has(identity(object))),
    changed: all.filter(
      object => before.has(identity(object)) && !isDeepStrictEqual(before.get(identity(object)), object),
    ),
  }
}

function isNoDefinition({ kind }: Rendered): boolean {
  return kind !== 'CustomResourceDefinition'
}

/** Of a definition whose objects a webhook converts, what says so. */
function conversionOf({ apiVersion, kind, metadata, spec }: Rendered): readonly Rendered[] {
  const { conversion } = (spec ?? {}) as { readonly conversion?: object }
  return conversion === undefined ? [] : [{ apiVersion, kind, metadata, spec: { conversion } }]
}

function identity({ apiVersion, kind, metadata }: Rendered): string {
  return `${apiVersion} ${kind} ${metadata.name}`
}

function documents(objects: readonly Rendered[]): string {
  return objects
    .map(object => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n')
}

function kustomization(content: object): string {
  return stringify({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', ...content })
}

if (import.meta.main) {
  for (const [path, text] of await manifests()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), text)
  }
}
