import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dashboard, DASHBOARD_FILE, PANELS } from '@metallb-ts/tools/chart/dashboard'
import { renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { ROOT } from '@metallb-ts/tools/run'
import { containerOf, helm, object, where } from './support.ts'

const PROMETHEUS = { serviceAccount: 'prometheus', namespace: 'monitoring' }

interface Endpoint {
  readonly port: string
  readonly scheme: string
  readonly path: string
  readonly bearerTokenFile?: string
  readonly authorization?: { readonly credentials: { readonly name: string; readonly key: string } }
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

function rulesOf(objects: readonly Rendered[]): readonly Rule[] {
  const { groups } = object(objects, 'PrometheusRule')['spec'] as { groups: readonly { rules: readonly Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

async function rules(prometheusRule: object = {}, release = 'metallb'): Promise<readonly Rule[]> {
  const values = { prometheus: { prometheusRule: { enabled: true, ...prometheusRule } } }
  return rulesOf((await renderChart({ release, values })).filter(({ kind }) => kind === 'PrometheusRule'))
}

/** Names of metrics that the sources of a program make. */
function metricsIn(app: string): ReadonlySet<string> {
  const folder = join(ROOT, 'apps', app, 'src')
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(name => readFileSync(join(folder, name), 'utf8'))
  const whole = sources.flatMap(text => [...text.matchAll(/'(metallb_[a-z0-9_]+)'/g)].map(([, name]) => name!))
  const pools = sources.flatMap(text => [...text.matchAll(/gauge\('([a-z0-9_]+)'/g)].map(([, name]) => name!))
  return new Set([...whole, ...pools.map(name => `metallb_allocator_${name}_total`)])
}

describe.skipIf(!helm.ok)(`monitors (${where})`, () => {
  it('[row 100] PodMonitors find the pods, their port and the token that may read', async () => {
    const objects = await renderChart({ values: { prometheus: { ...PROMETHEUS, podMonitor: { enabled: true } } } })
    for (const component of ['controller', 'speaker'] as const) {
      const { selector, podMetricsEndpoints } = object(objects, 'PodMonitor', component)['spec'] as {
        selector: { matchLabels: object }
        podMetricsEndpoints: readonly Endpoint[]
      }
      const owner = object(objects, component === 'controller' ? 'Deployment' : 'DaemonSet')
      expect((owner['spec'] as { template: { metadata: { labels: object } } }).template.metadata.labels).toMatchObject(
        selector.matchLabels,
      )
      const [endpoint] = podMetricsEndpoints
      expect(endpoint).toMatchObject({ scheme: 'https', path: '/metrics' })
      expect(containerOf(objects, component).ports.map(({ name }) => name)).toContain(endpoint!.port)
      const secret = object(objects, 'Secret', endpoint!.authorization!.credentials.name)
      const account = secret.metadata.annotations!['kubernetes.io/service-account.name']!
      expect(object(objects, 'ServiceAccount', account).metadata.namespace).toBe(secret.metadata.namespace)
      expect(mayRead(objects, account)).toBe(true)
    }
  })

  it('[row 100] ServiceMonitors find headless Services, these the pods, and Prometheus may read', async () => {
    const objects = await renderChart({ values: { prometheus: { ...PROMETHEUS, serviceMonitor: { enabled: true } } } })
    for (const component of ['controller', 'speaker'] as const) {
      const { selector, endpoints } = object(objects, 'ServiceMonitor', `${component}-monitor`)['spec'] as {
        selector: { matchLabels: object }
        endpoints: readonly Endpoint[]
      }
      const service = object(objects, 'Service', `${component}-monitor-service`)
      expect(service.metadata.labels).toMatchObject(selector.matchLabels)
      const { ports, clusterIP } = service['spec'] as {
        ports: readonly { name: string; targetPort: string }[]
        clusterIP: string
      }
      expect(clusterIP).toBe('None')
      expect(endpoints[0]).toMatchObject({ port: ports[0]!.name, scheme: 'https', path: '/metrics' })
      expect(endpoints[0]!.bearerTokenFile).toBeDefined()
      expect(containerOf(objects, component).ports.map(({ name }) => name)).toContain(ports[0]!.targetPort)
    }
    expect(mayRead(objects, 'prometheus')).toBe(true)
  })

  it('[row 100] with webhooks on, the Service of webhooks is no target', async () => {
    const prometheus = { ...PROMETHEUS, serviceMonitor: { enabled: true } }
    const objects = await renderChart({ values: { prometheus, controller: { webhookMode: 'enabled' } } })
    const { ports } = object(objects, 'Service', 'webhook-service')['spec'] as { ports: readonly { name: string }[] }
    expect(ports.map(({ name }) => name)).not.toContain('metricshttps')
  })
})

describe.skipIf(!helm.ok)(`alert rules (${where})`, () => {
  it('[row 100] they are MetalLB’s, with its severities, and some for what only we measure', async () => {
    const found = (await rules()).map(({ alert, labels, for: time }) => [alert, labels?.['severity'], time])
    expect(found).toEqual([
      ['MetalLBStaleConfig', 'warning', '1m'],
      ['MetalLBConfigNotLoaded', 'warning', '1m'],
      ['MetalLBAddressPoolExhausted', 'critical', '1m'],
      ['MetalLBAddressPoolUsage75Percent', 'warning', undefined],
      ['MetalLBAddressPoolUsage85Percent', 'warning', undefined],
      ['MetalLBAddressPoolUsage95Percent', 'critical', undefined],
      ['MetalLBBGPSessionDown', 'critical', '1m'],
      ['MetalLBPrefixesPending', 'warning', '5m'],
      ['MetalLBBFDSessionDown', 'critical', '1m'],
      ['MetalLBServicesWaiting', 'warning', '10m'],
      ['MetalLBStatusContested', 'critical', '0m'],
    ])
  })

  it('[row 100] every metric they ask for is one that a program has', async () => {
    const known = new Set([...metricsIn('controller'), ...metricsIn('speaker')])
    const asked = (await rules()).flatMap(({ expr }) => expr.match(/metallb_[a-z0-9_]+/g) ?? [])
    expect(new Set(asked).size).toBe(10)
    expect(asked.filter(name => !known.has(name))).toEqual([])
  })

  it.each([
    ['metallb', 'metallb.*'],
    ['prod', '(metallb|prod-metallb).*'],
  ])('[row 100] of release %s they see the jobs %s', async (release, jobs) => {
    const [stale] = await rules({}, release)
    expect(stale!.expr).toBe(`metallb_k8s_client_config_stale_bool{job=~"${jobs}"} == 1`)
    const { spec } = object(
      await renderChart({
        release,
        values: { prometheus: { ...PROMETHEUS, podMonitor: { enabled: true } } },
      }),
      'PodMonitor',
      'speaker',
    ) as unknown as { spec: { jobLabel: string; selector: { matchLabels: Record<string, string> } } }
    expect(spec.selector.matchLabels[spec.jobLabel]).toMatch(new RegExp(`^${jobs}$`))
  })

  it('[row 100] expressions of pools are passed on as they were written, quotes and all', async () => {
    const excludePools = String.raw`it's\d+|"a"`
    const found = await rules({ addressPoolExhausted: { excludePools }, addressPoolUsage: { excludePools } })
    const quoted = found.flatMap(({ expr }) => /pool!~("(?:[^"\\]|\\.)*")/.exec(expr)?.[1] ?? [])
    expect(quoted.map(text => JSON.parse(text) as string)).toEqual([1, 2, 3, 4].map(() => excludePools))
  })

  it('[row 100] what people read names the pool or the peer, in Prometheus’s own template language', async () => {
    for (const { alert, annotations } of await rules())
      expect(annotations['description'], alert).toMatch(/\{\{ \$labels\.(pod|pool|peer) \}\}/)
  })
})

describe('the dashboard', () => {
  it('[row 100] its file is what the script writes', () => {
    expect(readFileSync(DASHBOARD_FILE, 'utf8'), 'run tools/chart/dashboard.ts').toBe(dashboard())
  })

  it('[row 100] every metric it shows is one that a program has', () => {
    const known = new Set([...metricsIn('controller'), ...metricsIn('speaker')])
    const shown = PANELS.flatMap(({ queries }) =>
      queries.flatMap(([query]) => query.match(/metallb_[a-z0-9_]+/g) ?? []),
    )
    expect(shown.length).toBeGreaterThan(PANELS.length)
    expect(shown.map(name => name.replace(/_bucket$/, '')).filter(name => !known.has(name))).toEqual([])
  })

  it.skipIf(!helm.ok)(`[row 100] Grafana finds it by its label (${where})`, async () => {
    const objects = await renderChart({ values: { prometheus: { dashboard: { enabled: true } } } })
    const map = object(objects, 'ConfigMap', 'dashboard')
    expect(map.metadata.labels).toMatchObject({ grafana_dashboard: '1' })
    expect((map['data'] as Record<string, string>)['metallb.json']).toBe(dashboard())
  })
})

function mayRead(objects: readonly Rendered[], account: string): boolean {
  return objects
    .filter(({ kind }) => kind === 'ClusterRoleBinding')
    .map(binding => binding as unknown as { roleRef: { name: string }; subjects: readonly { name: string }[] })
    .filter(({ subjects }) => subjects.some(({ name }) => name === account))
    .some(({ roleRef }) => {
      const role = object(objects, 'ClusterRole', roleRef.name)
      return JSON.stringify(role['rules']) === '[{"nonResourceURLs":["/metrics"],"verbs":["get"]}]'
    })
}
