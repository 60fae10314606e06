import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { conversionWebhook, crds } from '@metallb-ts/api'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { describe, expect, it } from 'vitest'
import { CRDS_FILE, crdsTemplate } from '@metallb-ts/tools/chart/crds'
import { objectsIn, renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { manifests } from '@metallb-ts/tools/chart/manifests'
import { ROOT } from '@metallb-ts/tools/run'
import { containerOf, helm, object, where } from './support.ts'

const kubectl = findBinaries(['kubectl'])

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const plain = (objects: readonly object[]): unknown => JSON.parse(JSON.stringify(objects))
const byIdentity = (objects: readonly Rendered[]): readonly Rendered[] =>
  objects.toSorted((a, b) => (identity(a) < identity(b) ? -1 : 1))

function identity({ kind, metadata: { name, namespace = '' } }: Rendered): string {
  return `${kind} ${namespace} ${name}`
}

interface Spec {
  readonly names: { readonly kind: string }
  readonly conversion?: object
}

describe('the sub-chart of definitions', () => {
  it('[row 109] its file is what the script writes', () => {
    expect(readFileSync(CRDS_FILE, 'utf8'), 'run tools/chart/crds.ts').toBe(crdsTemplate())
  })

  it.skipIf(!helm.ok)(`[row 109] Helm passes the definitions on unchanged (${where})`, async () => {
    const rendered = (await renderChart({ crds: true })).filter(({ kind }) => kind === 'CustomResourceDefinition')
    expect(plain(byIdentity(rendered))).toEqual(plain(byIdentity(crds() as unknown as Rendered[])))
  })

  it.skipIf(!helm.ok)(`[row 102] one of them converts by webhook where that is asked for (${where})`, async () => {
    const values = { controller: { webhookMode: 'enabled' }, crds: { conversionWebhook: true } }
    const rendered = await renderChart({ crds: true, namespace: 'network', values })
    const specs = rendered.filter(({ kind }) => kind === 'CustomResourceDefinition').map(({ spec }) => spec as Spec)
    const converted = specs.filter(({ conversion }) => conversion !== undefined)
    expect(converted).toMatchObject([{ names: { kind: 'BGPPeer' }, conversion: conversionWebhook('network') }])
  })
})

describe.skipIf(!helm.ok)(`the names of the chart's objects (${where})`, () => {
  it('[row 109] they are those of MetalLB’s chart, so that an upgrade replaces what is there', async () => {
    const values = {
      prometheus: {
        serviceAccount: 'prometheus',
        namespace: 'monitoring',
        podMonitor: { enabled: true },
        prometheusRule: { enabled: true },
      },
      controller: { webhookMode: 'enabled' },
      networkpolicies: { enabled: true, defaultDeny: true },
    }
    const rendered = await renderChart({ values })
    const names = rendered.map(({ kind, metadata: { name } }) => `${kind} ${name}`)
    expect(names.toSorted()).toEqual(NAMES_OF_THE_CHART)
    const monitored = { prometheus: { ...values.prometheus, podMonitor: {}, serviceMonitor: { enabled: true } } }
    const added = (await renderChart({ values: { ...values, ...monitored } }))
      .map(({ kind, metadata: { name } }) => `${kind} ${name}`)
      .filter(name => !names.includes(name))
    expect(added.toSorted()).toEqual([
      'Service metallb-controller-monitor-service',
      'Service metallb-speaker-monitor-service',
      'ServiceMonitor metallb-controller-monitor',
      'ServiceMonitor metallb-speaker-monitor',
    ])
  })
})

describe.skipIf(!helm.ok)(`plain manifests (${where})`, () => {
  it('[row 109] the files are what the chart says, and there are no others', async () => {
    const written = await manifests()
    for (const [path, content] of written) expect(text(path), 'run tools/chart/manifests.ts').toBe(content)
    const folders = new Set([...written.keys()].map(path => path.split('/')[1]!))
    for (const folder of folders) {
      const there = readdirSync(join(ROOT, 'config', folder)).map(name => `config/${folder}/${name}`)
      expect(there.filter(path => !written.has(path))).toEqual([])
    }
  })

  it('[row 109] every object has the kind and the name that MetalLB’s manifests give it, so that it replaces theirs', () => {
    const ours = objectsIn(text('config/manifests/metallb-native-prometheus.yaml'))
    const names = ours.filter(({ kind }) => kind !== 'CustomResourceDefinition').map(identity)
    expect(names.toSorted()).toEqual(NAMES_OF_METALLB)
  })

  it('[row 109] nothing in them goes by the names or labels of the chart', () => {
    for (const path of ['metallb-native', 'metallb-native-prometheus'])
      expect(text(`config/manifests/${path}.yaml`)).not.toMatch(/helm|app\.kubernetes\.io|metallb-(controller|speaker)/)
  })

  it('[row 109] selectors, accounts, roles and secrets named in them are there', () => {
    const objects = objectsIn(text('config/manifests/metallb-native.yaml'))
    const has = (kind: string, name: string): boolean =>
      objects.some(one => one.kind === kind && one.metadata.name === name)
    for (const component of ['controller', 'speaker'] as const) {
      const owner = object(objects, component === 'controller' ? 'Deployment' : 'DaemonSet')
      const { selector, template } = owner['spec'] as {
        selector: { matchLabels: Record<string, string> }
        template: { metadata: { labels: object }; spec: { serviceAccountName: string } }
      }
      expect(selector.matchLabels).toEqual({ app: 'metallb', component })
      expect(template.metadata.labels).toMatchObject(selector.matchLabels)
      expect(has('ServiceAccount', template.spec.serviceAccountName)).toBe(true)
    }
    for (const { kind, ...binding } of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
      const { roleRef, subjects } = binding as unknown as {
        roleRef: { kind: string; name: string }
        subjects: { kind: string; name: string }[]
      }
      expect(has(roleRef.kind, roleRef.name), kind).toBe(true)
      for (const subject of subjects) expect(has(subject.kind, subject.name), kind).toBe(true)
    }
    const env = Object.fromEntries(containerOf(objects, 'controller').env.map(({ name, value }) => [name, value]))
    expect(env).toMatchObject({ METALLB_ML_SECRET_NAME: 'memberlist', METALLB_DEPLOYMENT: 'controller' })
  })
})

describe.skipIf(!helm.ok || !kubectl.ok)(`overlays (${kubectl.ok ? where : kubectl.reason})`, () => {
  const built = (folder: string): readonly Rendered[] => {
    if (!kubectl.ok) throw new Error(kubectl.reason)
    const args = ['kustomize', join(ROOT, 'config', folder)]
    return objectsIn(execFileSync(join(kubectl.folder, 'kubectl'), args, { encoding: 'utf8' }))
  }

  it.each([
    ['native', 'metallb-native'],
    ['prometheus-native', 'metallb-native-prometheus'],
  ])('[row 109] kustomize builds of config/%s what config/manifests/%s.yaml has', (folder, file) => {
    expect(byIdentity(built(folder))).toEqual(byIdentity(objectsIn(text(`config/manifests/${file}.yaml`))))
  })

  it('[row 109] config/webhooks turns webhooks on, and changes nothing else', () => {
    const [before, after] = [built('native'), built('webhooks')]
    const added = after.filter(one => !before.some(other => identity(other) === identity(one))).map(identity)
    expect(added.toSorted()).toEqual([
      'Secret metallb-system metallb-webhook-cert',
      'Service metallb-system metallb-webhook-service',
      'ValidatingWebhookConfiguration  metallb-webhook-configuration',
    ])
    const changed = before.filter(one => !after.some(other => JSON.stringify(other) === JSON.stringify(one)))
    expect(changed.map(identity).toSorted()).toEqual([
      'ClusterRole  metallb-system:controller',
      'CustomResourceDefinition  bgppeers.metallb.io',
      'Deployment metallb-system controller',
      'Role metallb-system controller',
    ])
    const spec = (objects: readonly Rendered[]): object =>
      object(objects, 'CustomResourceDefinition', 'bgppeers.metallb.io')['spec'] as object
    expect(spec(after)).toEqual({ ...spec(before), conversion: conversionWebhook('metallb-system') })
    const { args, ports } = containerOf(after, 'controller')
    expect(args).toContain('--webhook-mode=enabled')
    expect(ports.map(({ name }) => name)).toEqual(['metricshttps', 'webhook-server'])
  })

  it('[row 110] config/networkpolicies closes the namespace but for what the controller needs', () => {
    const policies = built('networkpolicies')
    expect(policies.map(identity)).toEqual([
      'NetworkPolicy metallb-system controller',
      'NetworkPolicy metallb-system default-deny',
    ])
    expect(object(policies, 'NetworkPolicy', 'controller')['spec']).toMatchObject({
      podSelector: { matchLabels: { app: 'metallb', component: 'controller' } },
    })
  })
})

/** Those that have no counterpart here are left out: what belongs to webhooks is in config/webhooks. */
const NAMES_OF_METALLB = [
  'ClusterRole  metallb-system:controller',
  'ClusterRole  metallb-system:speaker',
  'ClusterRoleBinding  metallb-system:controller',
  'ClusterRoleBinding  metallb-system:speaker',
  'ConfigMap metallb-system metallb-excludel2',
  'DaemonSet metallb-system speaker',
  'Deployment metallb-system controller',
  'Namespace  metallb-system',
  'Role metallb-system controller',
  'Role metallb-system pod-lister',
  'Role metallb-system prometheus-k8s',
  'RoleBinding metallb-system controller',
  'RoleBinding metallb-system pod-lister',
  'RoleBinding metallb-system prometheus-k8s',
  'Service metallb-system controller-monitor-service',
  'Service metallb-system speaker-monitor-service',
  'ServiceAccount metallb-system controller',
  'ServiceAccount metallb-system speaker',
  'ServiceMonitor metallb-system controller-monitor',
  'ServiceMonitor metallb-system speaker-monitor',
  // Ours: lets Prometheus read what the programs show to nobody else.
  'ClusterRole  metallb-metrics-reader',
  'ClusterRoleBinding  metallb-metrics-reader',
].toSorted()

const NAMES_OF_THE_CHART = [
  'ClusterRole metallb-metrics-reader',
  'ClusterRole metallb:controller',
  'ClusterRole metallb:speaker',
  'ClusterRoleBinding metallb-metrics-reader',
  'ClusterRoleBinding metallb:controller',
  'ClusterRoleBinding metallb:speaker',
  'ConfigMap metallb-excludel2',
  'DaemonSet metallb-speaker',
  'Deployment metallb-controller',
  'NetworkPolicy controller',
  'NetworkPolicy default-deny',
  'PodMonitor metallb-controller',
  'PodMonitor metallb-speaker',
  'PrometheusRule metallb',
  'Role metallb-controller',
  'Role metallb-pod-lister',
  'Role metallb-prometheus',
  'RoleBinding metallb-controller',
  'RoleBinding metallb-pod-lister',
  'RoleBinding metallb-prometheus',
  'Secret metallb-metrics-token',
  'Secret metallb-webhook-cert',
  'Service metallb-webhook-service',
  'ServiceAccount metallb-controller',
  'ServiceAccount metallb-metrics-reader',
  'ServiceAccount metallb-speaker',
  'ValidatingWebhookConfiguration metallb-webhook-configuration',
]
