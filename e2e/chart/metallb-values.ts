/** A value that MetalLB's chart (0.16) has. */
export interface MetallbValue {
  /** What it is there when nobody gives it. */
  readonly is: unknown
  /** Something else that may be given. */
  readonly other: unknown
  /** What has to be given besides, for a difference to show. */
  readonly besides?: object
  /** It is taken, named to who installs, and nothing else. */
  readonly withoutMeaning?: true
  /** What it is here when nobody gives it, where that is another thing, and why. */
  readonly here?: { readonly is: unknown; readonly why: string }
}

const THEIR_IMAGE = 'wherever MetalLB publishes it'

const idle = (is: unknown, other: unknown): MetallbValue => ({ is, other, withoutMeaning: true })

const PROMETHEUS = { serviceAccount: 'prometheus', namespace: 'monitoring' }
const POD_MONITOR = { prometheus: { ...PROMETHEUS, podMonitor: { enabled: true } } }
const SERVICE_MONITOR = { prometheus: { ...PROMETHEUS, serviceMonitor: { enabled: true } } }
const RULE = { prometheus: { prometheusRule: { enabled: true } } }
const RELABEL = [{ action: 'keep', regex: 'metallb_.*', sourceLabels: ['__name__'] }]
const LABELS = { severity: 'page' }

const alert = (name: string, severity: string): Readonly<Record<string, MetallbValue>> => ({
  [`prometheus.prometheusRule.${name}.enabled`]: { is: true, other: false, besides: RULE },
  [`prometheus.prometheusRule.${name}.labels`]: { is: { severity }, other: LABELS, besides: RULE },
})

const without = (component: string, probe: string): object => ({
  [component]: { [probe === 'livenessProbe' ? 'readinessProbe' : 'livenessProbe']: { enabled: false } },
})

const probes = (component: string): Readonly<Record<string, MetallbValue>> =>
  Object.fromEntries(
    ['livenessProbe', 'readinessProbe'].flatMap(probe => [
      [`${component}.${probe}.enabled`, { is: true, other: false }],
      // The other one is turned off, since one server answers both.
      [`${component}.${probe}.port`, { is: 17472, other: 17473, besides: without(component, probe) }],
      [`${component}.${probe}.failureThreshold`, { is: 3, other: 4 }],
      [`${component}.${probe}.initialDelaySeconds`, { is: 10, other: 11 }],
      [`${component}.${probe}.periodSeconds`, { is: 10, other: 11 }],
      [`${component}.${probe}.successThreshold`, { is: 1, other: 2 }],
      [`${component}.${probe}.timeoutSeconds`, { is: 1, other: 2 }],
    ]),
  )

const component = (name: string): Readonly<Record<string, MetallbValue>> => ({
  [`${name}.enabled`]: { is: true, other: false },
  [`${name}.logLevel`]: { is: 'info', other: 'debug' },
  [`${name}.command`]: { is: undefined, other: '/other', here: { is: null, why: 'written down, so that it is seen' } },
  [`${name}.image.repository`]: {
    is: THEIR_IMAGE,
    other: 'mirror/of-it',
    here: { is: `metallb-ts/${name}`, why: 'these are other programs' },
  },
  [`${name}.image.tag`]: { is: null, other: 'v9' },
  [`${name}.image.pullPolicy`]: { is: null, other: 'Always' },
  [`${name}.serviceAccount.create`]: { is: true, other: false },
  [`${name}.serviceAccount.name`]: { is: '', other: 'somebody' },
  [`${name}.serviceAccount.annotations`]: { is: {}, other: { a: 'b' } },
  [`${name}.resources`]: { is: {}, other: { limits: { memory: '100Mi' } } },
  [`${name}.nodeSelector`]: { is: {}, other: { role: 'edge' } },
  [`${name}.tolerations`]: { is: [], other: [{ operator: 'Exists' }] },
  [`${name}.priorityClassName`]: { is: '', other: 'system-node-critical' },
  [`${name}.runtimeClassName`]: { is: '', other: 'other' },
  [`${name}.affinity`]: { is: {}, other: { nodeAffinity: {} } },
  [`${name}.podAnnotations`]: { is: {}, other: { a: 'b' } },
  [`${name}.labels`]: { is: {}, other: { a: 'b' } },
  [`${name}.extraContainers`]: { is: [], other: [{ name: 'more', image: 'more' }] },
  ...probes(name),
})

/** Every value, by its path. */
export const METALLB_VALUES: Readonly<Record<string, MetallbValue>> = {
  imagePullSecrets: { is: [], other: [{ name: 'registry' }] },
  nameOverride: { is: '', other: 'other' },
  fullnameOverride: { is: '', other: 'other' },
  loadBalancerClass: { is: '', other: 'example.com/class' },
  'rbac.create': { is: true, other: false },
  'tls.cipherSuites': {
    is: '',
    other: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    besides: { tls: { minVersion: 'VersionTLS12' } },
  },
  'tls.curvePreferences': { is: '', other: '29,4588' },
  'tls.minVersion': { is: '', other: 'VersionTLS12' },
  'tls.controllerMetricsTLSSecret': { is: '', other: 'certificate' },
  'tls.speakerMetricsTLSSecret': { is: '', other: 'certificate' },

  'prometheus.scrapeAnnotations': { is: false, other: true },
  'prometheus.metricsPort': { is: 9120, other: 9121 },
  'prometheus.rbacPrometheus': { is: true, other: false, besides: POD_MONITOR },
  'prometheus.serviceAccount': { is: '', other: 'other', besides: POD_MONITOR },
  'prometheus.namespace': { is: '', other: 'other', besides: POD_MONITOR },
  'prometheus.podMonitor.enabled': { is: false, other: true, besides: { prometheus: PROMETHEUS } },
  'prometheus.podMonitor.additionalLabels': { is: {}, other: { a: 'b' }, besides: POD_MONITOR },
  'prometheus.podMonitor.annotations': { is: {}, other: { a: 'b' }, besides: POD_MONITOR },
  'prometheus.podMonitor.jobLabel': { is: 'app.kubernetes.io/name', other: 'app', besides: POD_MONITOR },
  'prometheus.podMonitor.interval': { is: null, other: '30s', besides: POD_MONITOR },
  'prometheus.podMonitor.metricRelabelings': { is: [], other: RELABEL, besides: POD_MONITOR },
  'prometheus.podMonitor.relabelings': { is: [], other: RELABEL, besides: POD_MONITOR },
  'prometheus.podMonitor.tlsConfig': {
    is: { insecureSkipVerify: true },
    other: { insecureSkipVerify: false },
    besides: POD_MONITOR,
  },
  'prometheus.serviceMonitor.enabled': { is: false, other: true, besides: { prometheus: PROMETHEUS } },
  'prometheus.serviceMonitor.jobLabel': { is: 'app.kubernetes.io/name', other: 'app', besides: SERVICE_MONITOR },
  'prometheus.serviceMonitor.interval': { is: null, other: '30s', besides: SERVICE_MONITOR },
  'prometheus.serviceMonitor.metricRelabelings': { is: [], other: RELABEL, besides: SERVICE_MONITOR },
  'prometheus.serviceMonitor.relabelings': { is: [], other: RELABEL, besides: SERVICE_MONITOR },
  ...Object.fromEntries(
    ['controller', 'speaker'].flatMap(name => [
      [`prometheus.serviceMonitor.${name}.additionalLabels`, { is: {}, other: { a: 'b' }, besides: SERVICE_MONITOR }],
      [`prometheus.serviceMonitor.${name}.annotations`, { is: {}, other: { a: 'b' }, besides: SERVICE_MONITOR }],
      [
        `prometheus.serviceMonitor.${name}.tlsConfig`,
        { is: { insecureSkipVerify: true }, other: { serverName: 'metallb' }, besides: SERVICE_MONITOR },
      ],
    ]),
  ),
  'prometheus.prometheusRule.enabled': { is: false, other: true },
  'prometheus.prometheusRule.additionalLabels': { is: {}, other: { a: 'b' }, besides: RULE },
  'prometheus.prometheusRule.annotations': { is: {}, other: { a: 'b' }, besides: RULE },
  ...alert('staleConfig', 'warning'),
  ...alert('configNotLoaded', 'warning'),
  ...alert('addressPoolExhausted', 'critical'),
  ...alert('bgpSessionDown', 'critical'),
  'prometheus.prometheusRule.addressPoolExhausted.excludePools': { is: '', other: 'spare.*', besides: RULE },
  'prometheus.prometheusRule.addressPoolUsage.enabled': { is: true, other: false, besides: RULE },
  'prometheus.prometheusRule.addressPoolUsage.excludePools': { is: '', other: 'spare.*', besides: RULE },
  'prometheus.prometheusRule.addressPoolUsage.thresholds': {
    is: [
      { percent: 75, labels: { severity: 'warning' } },
      { percent: 85, labels: { severity: 'warning' } },
      { percent: 95, labels: { severity: 'critical' } },
    ],
    other: [{ percent: 50, labels: LABELS }],
    besides: RULE,
  },
  'prometheus.prometheusRule.extraAlerts': { is: [], other: [{ alert: 'More', expr: 'vector(1)' }], besides: RULE },

  ...component('controller'),
  'controller.webhookMode': {
    is: 'enabled',
    other: 'onlywebhook',
    here: { is: 'disabled', why: 'an installation does not depend on the order in which its parts start' },
  },
  'controller.strategy': { is: { type: 'RollingUpdate' }, other: { type: 'Recreate' } },
  'controller.securityContext': {
    is: { runAsNonRoot: true, runAsUser: 65534, fsGroup: 65534 },
    other: { runAsUser: 1000 },
  },

  ...component('speaker'),
  'speaker.tolerateMaster': { is: true, other: false },
  'speaker.memberlist.enabled': { is: true, other: false },
  'speaker.memberlist.mlBindPort': { is: 7946, other: 7947 },
  'speaker.memberlist.mlBindAddrOverride': { is: '', other: '192.0.2.1' },
  'speaker.memberlist.mlSecretKeyPath': { is: '/etc/ml_secret_key', other: '/etc/other' },
  'speaker.wanConfig': { is: undefined, other: true, here: { is: false, why: 'written down, so that it is seen' } },
  'speaker.secretName': { is: undefined, other: 'other', here: { is: '', why: 'written down, so that it is seen' } },
  'speaker.excludeInterfaces.enabled': { is: true, other: false },
  'speaker.ignoreExcludeLB': { is: false, other: true },
  'speaker.updateStrategy': { is: { type: 'RollingUpdate' }, other: { type: 'OnDelete' } },
  'speaker.securityContext': { is: {}, other: { runAsUser: 0 } },
  'speaker.bgpDebounceTimeout': idle(null, 500),
  'speaker.startupProbe.enabled': idle(true, false),
  'speaker.startupProbe.failureThreshold': idle(30, 31),
  'speaker.startupProbe.periodSeconds': idle(5, 6),
  'speaker.frr.enabled': idle(false, true),
  'speaker.frr.image.repository': {
    ...idle(THEIR_IMAGE, 'mirror/frr'),
    here: { is: '', why: 'there is no such container' },
  },
  'speaker.frr.image.tag': { ...idle('10.5.3', '10.5.4'), here: { is: '', why: 'there is no such container' } },
  'speaker.frr.image.pullPolicy': idle(null, 'Always'),
  'speaker.frr.metricsPort': idle(9121, 9122),
  'speaker.frr.resources': idle({}, { limits: { memory: '1Gi' } }),
  'speaker.reloader.resources': idle({}, { limits: { memory: '1Gi' } }),
  'speaker.frrMetrics.resources': idle({}, { limits: { memory: '1Gi' } }),
  'speaker.initContainers.cpFrrFiles.resources': idle({}, { limits: { memory: '1Gi' } }),
  'speaker.initContainers.cpReloader.resources': idle({}, { limits: { memory: '1Gi' } }),
  'speaker.initContainers.cpMetrics.resources': idle({}, { limits: { memory: '1Gi' } }),

  'crds.enabled': { is: true, other: false },
  'crds.validationFailurePolicy': {
    is: 'Fail',
    other: 'Ignore',
    besides: { controller: { webhookMode: 'enabled' } },
  },
  'frrk8s.enabled': { ...idle(true, true), here: { is: false, why: 'there is no FRR' } },
  'frrk8s.external': idle(false, true),
  'frrk8s.namespace': idle('', 'frr-k8s-system'),
  'frrk8s.secretPassthrough': idle(false, true),
  'frr-k8s': {
    ...idle(
      { prometheus: { serviceMonitor: { enabled: false } } },
      { prometheus: { serviceMonitor: { enabled: true } } },
    ),
    here: { is: {}, why: 'there is no such sub-chart' },
  },
  'networkpolicies.enabled': { is: false, other: true },
  'networkpolicies.defaultDeny': { is: false, other: true, besides: { networkpolicies: { enabled: true } } },
  'networkpolicies.apiPort': { is: 6443, other: 443, besides: { networkpolicies: { enabled: true } } },
}
