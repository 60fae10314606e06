import { describe, expect, it } from 'vitest'
import { CHART, renderChart, runHelm } from '@metallb-ts/tools/chart/helm'
import { helm, where, withValue } from './support.ts'

/** The path, a value that it cannot have, and what is said of it. */
const WRONG: readonly (readonly [string, unknown, string])[] = [
  ['loadBalancerClass', 7, 'got number, want null or string'],
  ['imagePullSecrets', ['registry'], 'got string, want object'],
  ['rbac.create', 'yes', 'got string, want boolean'],
  ['tls.minVersion', 'TLS1.2', "must be one of '', 'VersionTLS12', 'VersionTLS13'"],
  ['tls.curvePreferences', 'X25519', 'does not match pattern'],
  ['tls.cipherSuites', 'a b', 'does not match pattern'],
  ['prometheus.metricsPort', 70_000, 'maximum: got 70,000, want 65,535'],
  ['prometheus.podMonitor.interval', 'often', 'does not match pattern'],
  ['prometheus.prometheusRule.staleConfig.labels', { severity: [] }, 'got array'],
  ['controller.logLevel', 'loud', "must be one of 'all', 'debug', 'info', 'warn', 'error', 'none'"],
  ['controller.webhookMode', 'on', "must be one of 'enabled', 'disabled', 'onlywebhook'"],
  ['controller.image.pullPolicy', 'Sometimes', 'must be one of'],
  ['controller.replicas', -1, 'minimum: got -1, want 0'],
  ['controller.strategy.type', 'OnDelete', "must be one of 'RollingUpdate', 'Recreate'"],
  ['controller.livenessProbe.periodSeconds', '10s', 'got string, want integer'],
  ['controller.tolerations', {}, 'got object, want array'],
  ['speaker.logLevel', 'trace', 'must be one of'],
  ['speaker.memberlist.mlBindPort', 0, 'minimum: got 0, want 1'],
  ['speaker.memberlist.mlSecretKeyPath', 'relative', 'does not match pattern'],
  ['speaker.memberProfile', 'slow', "must be one of '', 'fast', 'balanced', 'safe'"],
  ['speaker.bgpListenPort', 65_536, 'maximum: got 65,536, want 65,535'],
  ['speaker.updateStrategy.type', 'Recreate', "must be one of 'RollingUpdate', 'OnDelete'"],
  ['speaker.nodeSelector', ['a'], 'got array'],
  ['crds.validationFailurePolicy', 'Warn', "must be one of 'Fail', 'Ignore'"],
  ['crds.conversionWebhook', 'on', 'got string, want boolean'],
  ['networkpolicies.apiPort', 'https', 'got string, want integer'],
  ['frrk8s.enabled', 'true', 'got string, want boolean'],
]

const THRESHOLDS = { prometheus: { prometheusRule: { addressPoolUsage: { thresholds: [{ percent: 101 }] } } } }
const MONITOR = { podMonitor: { enabled: true } }

/** Values that are right one by one, and cannot be had together. */
const TOGETHER: readonly (readonly [object, string])[] = [
  [{ prometheus: MONITOR }, 'prometheus.serviceAccount: whom'],
  [{ prometheus: { ...MONITOR, serviceAccount: 'a' } }, 'prometheus.namespace: where'],
  [
    { prometheus: { ...MONITOR, rbacPrometheus: false, serviceMonitor: { enabled: true } } },
    'prometheus.podMonitor.enabled and prometheus.serviceMonitor.enabled: one of them',
  ],
  [{ speaker: { memberlist: { enabled: false }, nodeSelector: { a: 'b' } } }, 'speaker.nodeSelector: without'],
  [{ tls: { cipherSuites: 'TLS_A' } }, 'tls.cipherSuites: they are chosen for TLS 1.2 only'],
  [{ crds: { conversionWebhook: true } }, 'crds.conversionWebhook: without controller.webhookMode nobody answers it'],
  [{ controller: { livenessProbe: { port: 1 } } }, 'controller.readinessProbe.port: has to be that of'],
  [{ configInline: { 'address-pools': [] } }, 'configInline: the configuration is made of resources'],
]

const TYPING_ERRORS = ['controler', 'speaker.memberList', 'controller.image.repo', 'prometheus.podMonitor.labels']

describe.skipIf(!helm.ok)(`values that are refused (${where})`, () => {
  it.each(WRONG)('[row 109] %s cannot be %j', async (path, value, said) => {
    const where = `at '/${path.replaceAll('.', '/')}`
    const refused = renderChart({ values: withValue(path, value) })
    await expect(refused).rejects.toThrow(where)
    await expect(refused).rejects.toThrow(said)
  })

  it('[row 109] a threshold is a percentage', async () => {
    const where = "at '/prometheus/prometheusRule/addressPoolUsage/thresholds/0/percent': maximum: got 101, want 100"
    await expect(renderChart({ values: THRESHOLDS })).rejects.toThrow(where)
  })

  it.each(TYPING_ERRORS)('[row 109] %s is no value, and is not passed over in silence', async path => {
    const name = path.split('.').at(-1)
    const refused = renderChart({ values: withValue(path, {}) })
    await expect(refused).rejects.toThrow(`additional properties '${name}' not allowed`)
  })

  it.each(TOGETHER)('[row 109] %j', async (values, said) => {
    await expect(renderChart({ values })).rejects.toThrow(said)
  })

  it('[row 109] helm lint has nothing to say, whatever is turned on', async () => {
    const everything = {
      prometheus: {
        scrapeAnnotations: true,
        serviceAccount: 'prometheus',
        namespace: 'monitoring',
        serviceMonitor: { enabled: true },
        prometheusRule: { enabled: true },
      },
      controller: { webhookMode: 'enabled', replicas: 2 },
      networkpolicies: { enabled: true, defaultDeny: true },
    }
    for (const values of [{}, everything]) {
      const said = await runHelm(['lint', '--strict', '--quiet', CHART, '--values=-'], values)
      expect(said).not.toMatch(/WARNING|ERROR/)
    }
  })
})
