import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { renderChart, type RenderInit, type Rendered } from '@metallb-ts/tools/chart/helm'
import { helm, where } from './support.ts'

const PROMETHEUS = { serviceAccount: 'prometheus', namespace: 'monitoring' }
const placed = (name: string): object => ({
  image: { repository: `example.com/${name}`, tag: 1.2, pullPolicy: 'IfNotPresent' },
  command: `/${name}`,
  serviceAccount: { name: `${name}-account`, annotations: { a: 1 } },
  resources: { limits: { cpu: '100m', memory: '100Mi' } },
  nodeSelector: { role: 'edge' },
  tolerations: [{ key: 'edge', operator: 'Exists', effect: 'NoSchedule' }],
  priorityClassName: 'system-cluster-critical',
  runtimeClassName: 'other',
  affinity: { podAntiAffinity: {} },
  podAnnotations: { 'prometheus.io/scrape': 'false' },
  labels: { team: 'network', number: 1 },
  extraContainers: [{ name: 'beside', image: 'beside' }],
})

/** What is chosen, and the row it belongs to. Each golden file holds what is other than without the choice. */
const CASES: Readonly<Record<string, RenderInit & { readonly row: number }>> = {
  names: { row: 109, release: 'prod', namespace: 'network', values: { nameOverride: 'lb' } },
  'full-name': { row: 109, release: 'prod', values: { fullnameOverride: 'lb' } },
  'without-rbac': { row: 109, values: { rbac: { create: false } } },
  'without-speaker': { row: 109, values: { speaker: { enabled: false } } },
  'without-controller': { row: 109, values: { controller: { enabled: false } } },
  placed: {
    row: 109,
    values: {
      imagePullSecrets: [{ name: 'registry' }],
      loadBalancerClass: 'example.com/class',
      controller: { ...placed('controller'), strategy: { type: 'Recreate' } },
      speaker: { ...placed('speaker'), updateStrategy: { type: 'OnDelete' }, tolerateMaster: false },
    },
  },
  probes: {
    row: 109,
    values: {
      controller: { livenessProbe: { enabled: false }, readinessProbe: { periodSeconds: 1 } },
      speaker: { livenessProbe: { port: 7473 }, readinessProbe: { port: 7473 } },
    },
  },
  'without-memberlist': { row: 109, values: { speaker: { memberlist: { enabled: false } } } },
  memberlist: {
    row: 109,
    values: {
      speaker: {
        secretName: 'heartbeats',
        memberProfile: 'balanced',
        memberlist: { mlBindPort: 7000, mlBindAddrOverride: '2001:db8::1', mlSecretKeyPath: '/etc/heartbeats' },
      },
    },
  },
  layer2: {
    row: 109,
    values: {
      speaker: {
        layer2: {
          election: 'sticky',
          electionSlackPercent: 150,
          holdDownSeconds: 60,
          avoidCordoned: true,
          guard: true,
          backend: 'cap',
        },
        drainSeconds: 0,
      },
    },
  },
  'every-interface': {
    row: 109,
    values: { speaker: { excludeInterfaces: { enabled: false }, ignoreExcludeLB: true, wanConfig: true } },
  },
  'bgp-listener': { row: 109, values: { speaker: { bgpListenPort: 179 } } },
  standby: { row: 109, values: { controller: { replicas: 2 } } },
  'tls-1.2': {
    row: 109,
    values: {
      tls: {
        minVersion: 'VersionTLS12',
        cipherSuites: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
        curvePreferences: '29,23',
        controllerMetricsTLSSecret: 'controller-certificate',
        speakerMetricsTLSSecret: 'speaker-certificate',
      },
    },
  },
  webhooks: {
    row: 109,
    values: { controller: { webhookMode: 'enabled' }, crds: { validationFailurePolicy: 'Ignore' } },
  },
  conversion: {
    row: 102,
    crds: true,
    values: { controller: { webhookMode: 'enabled' }, crds: { conversionWebhook: true } },
  },
  'only-webhooks': { row: 109, values: { controller: { webhookMode: 'onlywebhook' }, speaker: { enabled: false } } },
  'network-policies': { row: 110, values: { networkpolicies: { enabled: true } } },
  'network-policies-and-webhooks': {
    row: 110,
    values: {
      controller: { webhookMode: 'enabled' },
      networkpolicies: { enabled: true, defaultDeny: true, apiPort: 443 },
    },
  },
  'scrape-annotations': { row: 100, values: { prometheus: { scrapeAnnotations: true, metricsPort: 9000 } } },
  'pod-monitors': {
    row: 100,
    release: 'prod',
    values: { prometheus: { ...PROMETHEUS, podMonitor: { enabled: true, additionalLabels: { release: 'stack' } } } },
  },
  'service-monitors': {
    row: 100,
    values: {
      prometheus: {
        ...PROMETHEUS,
        serviceMonitor: {
          enabled: true,
          interval: '30s',
          relabelings: [{ action: 'labeldrop', regex: 'pod' }],
          controller: { annotations: { a: 'b' } },
          speaker: { tlsConfig: { serverName: 'speaker' } },
        },
      },
    },
  },
  rules: { row: 100, values: { prometheus: { prometheusRule: { enabled: true } } } },
  'rules-chosen': {
    row: 100,
    release: 'prod',
    values: {
      prometheus: {
        prometheusRule: {
          enabled: true,
          staleConfig: { enabled: false },
          configNotLoaded: { labels: { severity: 'page' } },
          addressPoolExhausted: { excludePools: String.raw`it's\d+` },
          addressPoolUsage: { thresholds: [{ percent: 50 }], excludePools: 'spare|"quoted"' },
          extraAlerts: [{ alert: 'More', expr: 'vector(1)' }],
        },
      },
    },
  },
}

describe.skipIf(!helm.ok)(`what Helm installs (${where})`, () => {
  let options: object

  beforeAll(async () => {
    options = { ...(await resolveConfig(join(import.meta.dirname, 'golden.test.ts'))), parser: 'yaml' }
  })

  async function looksLike(name: string, parts: readonly object[]): Promise<void> {
    const text = parts.map(part => stringify(part, { version: '1.1', aliasDuplicateObjects: false })).join('---\n')
    await expect(await format(text, options)).toMatchFileSnapshot(`golden/${name}.yaml`)
  }

  it('[row 109] nothing chosen', async () => {
    await looksLike('nothing-chosen', await renderChart())
  })

  it.each(Object.entries(CASES).map(([name, init]) => [init.row, name, init] as const))(
    '[row %i] %s',
    async (_row, name, init) => {
      const { values: _, ...without } = init
      const [before, after] = await Promise.all([renderChart(without), renderChart(init)])
      const gone = before.filter(object => !after.some(other => identity(other) === identity(object))).map(identity)
      const others = after.filter(object => !before.some(other => isDeepStrictEqual(other, object)))
      await looksLike(name, [...(gone.length > 0 ? [{ gone }] : []), ...others])
    },
  )
})

function identity({ kind, metadata: { name } }: Rendered): string {
  return `${kind} ${name}`
}
