import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { eventually, SYSTEM } from '@metallb-ts/lab'
import { CHART, renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { ROOT } from '@metallb-ts/tools/run'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { binaries, Installation } from './installation.ts'

const PROMETHEUS = { serviceAccount: 'prometheus', namespace: 'monitoring' }

describe.skipIf(!binaries.ok)(`the chart on a real API server (${binaries.ok ? 'here' : binaries.reason})`, () => {
  let installation: Installation

  beforeAll(async () => {
    installation = await Installation.start()
  })

  afterAll(() => installation?.remove())

  it('[row 109] helm installs it', async () => {
    await installation.kubectl(['create', 'namespace', SYSTEM])
    const said = await installation.helm('install', 'metallb', CHART, '--values=-')
    expect(said).toContain('STATUS: deployed')
    const kinds = await installation.kubectl(['get', 'crd', '--output=name'])
    expect(kinds.match(/metallb\.io/g)).toHaveLength(10)
  })

  it('[row 109] every example of the documentation is one that the API server takes', async () => {
    const folder = join(ROOT, 'docs/examples')
    await installation.kubectl(['apply', '--dry-run=server', '--validate=strict', `--filename=${folder}`])
  })

  it('[row 109] the API server knows every field of every object, whatever is chosen', async () => {
    const chosen = await renderChart({
      release: 'other',
      namespace: SYSTEM,
      values: {
        imagePullSecrets: [{ name: 'registry' }],
        tls: { minVersion: 'VersionTLS12', controllerMetricsTLSSecret: 'a', speakerMetricsTLSSecret: 'b' },
        prometheus: { ...PROMETHEUS, scrapeAnnotations: true, podMonitor: { enabled: true } },
        controller: { webhookMode: 'enabled', replicas: 2, command: '/controller', labels: { a: 1 } },
        speaker: { bgpListenPort: 179, tolerations: [{ operator: 'Exists' }], podAnnotations: { a: 1 } },
        networkpolicies: { enabled: true, defaultDeny: true },
      },
    })
    const dryRun = ['apply', '--dry-run=server', '--validate=strict', '--server-side', '--force-conflicts']
    await installation.kubectl([...dryRun, '--filename=-'], chosen.filter(isBuiltIn))
    await installation.kubectl([...dryRun, `--filename=${join(ROOT, 'config/manifests/metallb-native.yaml')}`])
    for (const overlay of ['webhooks', 'networkpolicies'])
      await installation.kubectl([...dryRun, `--kustomize=${join(ROOT, 'config', overlay)}`])
  })

  it('[row 109] the controller gives addresses with the rights of the chart, and makes the secret of the speakers', async () => {
    await installation.kubectl(
      ['apply', '--filename=-'],
      [
        {
          apiVersion: 'metallb.io/v1beta1',
          kind: 'IPAddressPool',
          metadata: { name: 'a', namespace: SYSTEM },
          spec: { addresses: ['192.0.2.0/24'] },
        },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'web', namespace: 'default' },
          spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
        },
      ],
    )
    const controller = await installation.start('controller')
    await installation.isReady('controller', controller)
    const address = ['get', 'service', 'web', '--output=jsonpath={.status.loadBalancer.ingress[0].ip}']
    await eventually('the address', async () => (await installation.kubectl(address)) === '192.0.2.0')
    const secret = ['get', 'secret', 'metallb-memberlist', `--namespace=${SYSTEM}`, '--output=json']
    const made = JSON.parse(await eventually('the secret', () => installation.kubectl(secret))) as Rendered & {
      data: { secretkey: string }
    }
    expect(made.metadata).toMatchObject({ ownerReferences: [{ kind: 'Deployment', name: 'metallb-controller' }] })
    writeFileSync(join(installation.folder, 'secretkey'), Buffer.from(made.data.secretkey, 'base64'))
    await eventually('the counters of the pool', async () => {
      const counters = await installation.kubectl([
        'get',
        'ipaddresspool',
        'a',
        `--namespace=${SYSTEM}`,
        '--output=json',
      ])
      return (JSON.parse(counters) as { status?: { assignedIPv4?: number } }).status?.assignedIPv4 === 1
    })
    await eventually('the event', async () =>
      (await installation.kubectl(['get', 'events', '--output=json'])).includes('IPAllocated'),
    )
    expect(await controller.stop()).toBe(0)
    expect(controller.log()).not.toMatch(/forbidden/i)
  })

  it('[row 109] the speaker reads all it watches with the rights of the chart, and the secret that the controller made', async () => {
    const nothing = join(installation.folder, 'no-interfaces.yaml')
    writeFileSync(nothing, 'announcedInterfacesToExclude: [.*]\n') // this machine's network is not the test's
    const speaker = await installation.start('speaker', [`--exclude-interfaces-file=${nothing}`])
    await installation.isReady('speaker', speaker)
    expect(await speaker.stop(), speaker.log()).toBe(0)
    expect(speaker.log()).not.toMatch(/forbidden/i)
  })

  it('[row 100] the metrics show themselves to the token of the PodMonitors, and to no other', async () => {
    const { values } = installation
    const monitored = await renderChart({
      values: { ...values, prometheus: { ...values['prometheus'], ...PROMETHEUS, podMonitor: { enabled: true } } },
    })
    await installation.kubectl(['apply', '--filename=-'], monitored.filter(isBuiltIn).filter(isForMetrics))
    const token = async (account: string): Promise<string> =>
      (await installation.kubectl(['create', 'token', account, `--namespace=${SYSTEM}`])).trim()
    const controller = await installation.start('controller')
    await installation.isReady('controller', controller)
    const port = Number(values['prometheus']!['metricsPort'])
    const shown = await scrape(port, await token('metallb-metrics-reader'))
    expect(shown).toMatchObject({ status: 200 })
    expect(shown.page).toContain('metallb_k8s_client_config_loaded_bool 1')
    expect(shown.page).toContain('metallb_allocator_addresses_in_use_total{pool="a"} 1')
    expect(await scrape(port, await token('metallb-speaker'))).toMatchObject({ status: 403 })
    expect(await scrape(port)).toMatchObject({ status: 401 })
    expect(await controller.stop()).toBe(0)
  })

  it('[row 109] helm upgrades it to other values, and takes it away', async () => {
    installation.values = { controller: { webhookMode: 'enabled' }, networkpolicies: { enabled: true } }
    expect(await installation.helm('upgrade', 'metallb', CHART, '--values=-')).toContain('STATUS: deployed')
    expect(await installation.kubectl(['get', 'validatingwebhookconfiguration', '--output=name'])).toContain('metallb')
    await installation.helm('uninstall', 'metallb')
    expect(await installation.kubectl(['get', 'all,role,rolebinding,networkpolicy', `--namespace=${SYSTEM}`])).toBe('')
    expect(await installation.kubectl(['get', 'validatingwebhookconfiguration', '--output=name'])).toBe('')
  })
})

/** Monitors are Prometheus's kinds, which are not there. */
function isBuiltIn({ apiVersion }: Rendered): boolean {
  return !apiVersion.startsWith('monitoring.coreos.com/')
}

function isForMetrics({ metadata: { name } }: Rendered): boolean {
  return name.startsWith('metallb-metrics-')
}

function scrape(port: number, token?: string): Promise<{ status: number | undefined; page: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/metrics', headers, rejectUnauthorized: false }
    request(options, response => {
      let page = ''
      response.setEncoding('utf8').on('data', (text: string) => (page += text))
      response.on('end', () => resolve({ status: response.statusCode, page }))
    })
      .on('error', reject)
      .end()
  })
}
