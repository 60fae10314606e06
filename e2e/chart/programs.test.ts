import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readControllerOptions } from '@metallb-ts/controller/options'
import { excludedInterfaces } from '@metallb-ts/speaker/excluded-interfaces'
import { readSpeakerOptions } from '@metallb-ts/speaker/options'
import { renderChart } from '@metallb-ts/tools/chart/helm'
import { environment } from './running.ts'
import { containerOf, helm, object, podOf, where } from './support.ts'

const probedAt = (port: number): object => ({ livenessProbe: { port }, readinessProbe: { port } })

const EVERYTHING = {
  loadBalancerClass: 'example.com/class',
  tls: {
    minVersion: 'VersionTLS12',
    cipherSuites: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    curvePreferences: '29,4588',
    controllerMetricsTLSSecret: 'a',
    speakerMetricsTLSSecret: 'b',
  },
  prometheus: { metricsPort: 9000 },
  controller: { logLevel: 'none', webhookMode: 'onlywebhook', replicas: 2, ...probedAt(9001) },
  crds: { conversionWebhook: true },
  speaker: {
    logLevel: 'all',
    ...probedAt(9002),
    ignoreExcludeLB: true,
    memberProfile: 'balanced',
    bgpListenPort: 179,
    secretName: 'heartbeats',
    memberlist: { mlBindPort: 7000, mlBindAddrOverride: '192.0.2.1', mlSecretKeyPath: '/etc/heartbeats' },
  },
}

describe.skipIf(!helm.ok)(`what the programs are given (${where})`, () => {
  it.each([{}, EVERYTHING, { speaker: { memberlist: { enabled: false }, wanConfig: true } }])(
    '[row 109] they understand every flag and variable of %j, and all of them mean something',
    async values => {
      const objects = await renderChart({ values })
      for (const [component, read] of [
        ['controller', readControllerOptions],
        ['speaker', readSpeakerOptions],
      ] as const) {
        const { args, env } = containerOf(objects, component)
        const options = read(args, environment(env))
        expect(options.ok ? options.value.withoutMeaning : options.error, component).toEqual([])
      }
    },
  )

  it('[row 109] values arrive as options of the controller', async () => {
    const { args, env } = containerOf(await renderChart({ values: EVERYTHING }), 'controller')
    const options = readControllerOptions(args, environment(env))
    expect(options).toMatchObject({
      ok: true,
      value: {
        namespace: 'metallb-system',
        podName: 'this-pod',
        logLevel: 'none',
        metricsPort: 9000,
        healthPort: 9001,
        loadBalancerClass: 'example.com/class',
        webhookMode: 'onlywebhook',
        convertsPeers: true,
        metricsCertificateFolder: '/etc/metrics',
        tlsMinVersion: 'VersionTLS12',
        tlsCurves: ['X25519', 'X25519MLKEM768'],
        memberSecretName: 'heartbeats',
        deployment: 'metallb-controller',
        lease: 'metallb-controller',
      },
    })
  })

  it('[row 109] values arrive as options of the speaker', async () => {
    const { args, env } = containerOf(await renderChart({ values: EVERYTHING }), 'speaker')
    expect(readSpeakerOptions(args, environment(env))).toMatchObject({
      ok: true,
      value: {
        nodeName: 'this-node',
        namespace: 'metallb-system',
        podName: 'this-pod',
        logLevel: 'all',
        metricsPort: 9000,
        healthPort: 9002,
        loadBalancerClass: 'example.com/class',
        ignoreExcludeLabel: true,
        memberBindAddress: '192.0.2.1',
        memberBindPort: 7000,
        memberSecretPath: '/etc/heartbeats',
        memberProfile: 'balanced',
        metricsCertificateFolder: '/etc/metrics',
        bgpPort: 179,
      },
    })
  })

  it('[row 109] what they read from files is mounted where they are told to look', async () => {
    const objects = await renderChart({ values: EVERYTHING })
    for (const component of ['controller', 'speaker'] as const) {
      const { args, env, volumeMounts = [] } = containerOf(objects, component)
      const { volumes } = podOf(objects, component) as unknown as { volumes: readonly { name: string }[] }
      const told = [...args, ...env.map(({ name, value }) => `${name}=${value}`)]
        .map(text => /^(?:--(?:\w+-)?cert-dir|METALLB_ML_SECRET_KEY_PATH)=(.*)$/.exec(text)?.[1])
        .filter(path => path !== undefined)
      const mounted = volumeMounts
        .map(({ mountPath }) => mountPath)
        .filter(path => !/^\/etc\/metallb(\/memberlist)?$/.test(path))
      expect(mounted.toSorted()).toEqual(told.toSorted())
      expect(volumeMounts.map(({ name }) => name).toSorted()).toEqual(volumes.map(({ name }) => name).toSorted())
    }
  })

  it('[row 109] the speaker leaves the interfaces of container networks alone, and no others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chart-'))
    try {
      const map = object(await renderChart(), 'ConfigMap', 'metallb-excludel2')
      writeFileSync(join(folder, 'excludel2.yaml'), (map['data'] as Record<string, string>)['excludel2.yaml']!)
      const expressions = excludedInterfaces(join(folder, 'excludel2.yaml')).map(text => new RegExp(text))
      const excluded = (name: string): boolean => expressions.some(expression => expression.test(name))
      const inner = [
        'lo',
        'docker0',
        'veth1a2b',
        'cali123',
        'flannel.1',
        'cni0',
        'kube-ipvs0',
        'lxcbr0',
        'virbr0',
        'tunl0',
      ]
      expect(inner.filter(name => !excluded(name))).toEqual([])
      expect(['eth0', 'ens18', 'bond0', 'br0', 'lo0', 'vlan.100', 'wlan0'].filter(excluded)).toEqual([])
      expect(expressions).toHaveLength(14)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe.skipIf(!helm.ok)(`what the pods may do (${where})`, () => {
  const LEAST = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
  }

  it('[row 109] the controller is nobody, and has no capability', async () => {
    const objects = await renderChart()
    expect(podOf(objects, 'controller')['securityContext']).toEqual({
      runAsNonRoot: true,
      runAsUser: 65534,
      fsGroup: 65534,
    })
    expect(containerOf(objects, 'controller').securityContext).toEqual({ ...LEAST, capabilities: { drop: ['ALL'] } })
  })

  it.each([
    [0, ['NET_RAW', 'SYS_NICE']],
    [1790, ['NET_RAW', 'SYS_NICE']],
    [179, ['NET_RAW', 'SYS_NICE', 'NET_BIND_SERVICE']],
  ])('[row 109] a speaker that listens on port %i for BGP has %j', async (bgpListenPort, add) => {
    const { securityContext } = containerOf(await renderChart({ values: { speaker: { bgpListenPort } } }), 'speaker')
    expect(securityContext).toEqual({ ...LEAST, capabilities: { drop: ['ALL'], add } })
  })

  it('[row 109] no container is privileged, mounts the node’s files or shares its processes, whatever is chosen', async () => {
    const objects = await renderChart({ values: EVERYTHING })
    expect(JSON.stringify(objects)).not.toMatch(/"privileged":true|hostPath|hostPID|hostIPC|SYS_ADMIN|NET_ADMIN/)
    expect(podOf(objects, 'controller')['hostNetwork']).toBeUndefined()
  })

  it('[row 109] a speaker has time to withdraw its routes before it is killed', async () => {
    const objects = await renderChart()
    for (const component of ['controller', 'speaker'] as const)
      expect(podOf(objects, component)['terminationGracePeriodSeconds']).toBeGreaterThanOrEqual(5)
  })
})
