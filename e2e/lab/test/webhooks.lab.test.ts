import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BFD_PROFILES, BGP_PEERS, crds, IP_ADDRESS_POOLS } from '@metallb-ts/api'
import {
  createClient,
  NAMESPACES,
  SECRETS,
  SERVICES,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { eventually, PROGRAM_FLAGS, SYSTEM } from '@metallb-ts/lab'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const binaries = findBinaries()
const MAIN = fileURLToPath(new URL('../../../apps/controller/src/main.ts', import.meta.url))
const PORT = 39_443

const cluster = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})
const CRDS = cluster('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition')
const WEBHOOKS = cluster(
  'admissionregistration.k8s.io',
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
)

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> }
type Service = KubeObject & { readonly status: { readonly loadBalancer: object } }

describe.skipIf(!binaries.ok)(`webhooks of a real API server (${binaries.ok ? 'here' : binaries.reason})`, () => {
  let plane: ControlPlane
  let client: KubeClient
  let controller: ChildProcess
  let log = ''

  const create = (resource: Resource, name: string, spec: object, namespace = SYSTEM): Promise<unknown> =>
    client.create(resource, { metadata: { name, namespace }, spec } as never)
  const refused = (message: RegExp): object => ({
    problem: { code: 'forbidden', message: expect.stringMatching(message) as string },
  })

  beforeAll(async () => {
    plane = await startControlPlane({ binaries: binaries.ok ? binaries.folder : '', controllerManager: false })
    const authorization = (): string => `Bearer ${plane.adminToken}`
    client = createClient(httpTransport({ server: plane.url, tls: { ca: readFileSync(plane.caFile) }, authorization }))
    for (const crd of crds()) await client.create(CRDS, crd as never)
    await client.create(NAMESPACES, { metadata: { name: SYSTEM } })
    await client.create(SECRETS, { metadata: { name: 'metallb-webhook-cert', namespace: SYSTEM } })
    // The API server has no way to cluster addresses here: the Service's name leads to this machine.
    await create(SERVICES, 'metallb-webhook-service', { type: 'ExternalName', externalName: 'localhost' })
    await client.create(WEBHOOKS, {
      metadata: { name: 'metallb-webhook-configuration' },
      webhooks: [
        ['ipaddresspool', 'v1beta1', 'ipaddresspools', ['CREATE', 'UPDATE']],
        ['bgppeer', 'v1beta2', 'bgppeers', ['CREATE', 'UPDATE']],
        ['bfdprofile', 'v1beta1', 'bfdprofiles', ['CREATE', 'DELETE']],
      ].map(([name, version, plural, operations]) => ({
        name: `${String(name)}validationwebhook.metallb.io`,
        clientConfig: {
          service: {
            name: 'metallb-webhook-service',
            namespace: SYSTEM,
            path: `/validate-metallb-io-${String(version)}-${String(name)}`,
            port: PORT,
          },
        },
        rules: [{ apiGroups: ['metallb.io'], apiVersions: [version], resources: [plural], operations }],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      })),
    } as never)
    start('enabled')
  })

  afterAll(async () => {
    controller?.kill('SIGKILL')
    await client?.transport.close()
    await plane?.stop()
  })

  function start(mode: 'enabled' | 'onlywebhook'): void {
    const flags = [`--webhook-mode=${mode}`, `--webhook-port=${PORT}`, '--port=0', '--health-probe-port=0']
    const where = [`--kubeconfig=${plane.kubeconfig}`, `--namespace=${SYSTEM}`]
    controller = spawn(process.execPath, [...PROGRAM_FLAGS, MAIN, ...where, ...flags])
    controller.stdout?.on('data', (data: Buffer) => (log += data.toString()))
  }

  it('[row 101] [row 103] once it has its certificate, good objects pass and bad ones are refused with the reason', async () => {
    await eventually('a good pool to pass', () => create(IP_ADDRESS_POOLS, 'first', { addresses: ['192.0.2.0/24'] }))
    await expect(create(IP_ADDRESS_POOLS, 'second', { addresses: ['192.0.2.128/25'] })).rejects.toMatchObject(
      refused(/denied the request.*overlaps/),
    )
    await expect(
      create(IP_ADDRESS_POOLS, 'third', { addresses: ['198.51.100.0/24'] }, 'default'),
    ).rejects.toMatchObject(refused(/resource must be created in metallb-system namespace/))
    await expect(
      create(BGP_PEERS, 'p', { myASN: 64_512, peerASN: 64_513, peerAddress: 'nowhere' }),
    ).rejects.toMatchObject(refused(/nowhere/))
  })

  it('[row 101] a BFD profile stays while a peer uses it', async () => {
    await create(BFD_PROFILES, 'fast', {})
    await create(BGP_PEERS, 'p', { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1', bfdProfile: 'fast' })
    await expect(client.remove(BFD_PROFILES, `${SYSTEM}/fast`)).rejects.toMatchObject(
      refused(/failed to delete BFDProfile fast, used by BGPPeer p/),
    )
    await client.remove(BGP_PEERS, `${SYSTEM}/p`)
    await client.remove(BFD_PROFILES, `${SYSTEM}/fast`)
  })

  it('[row 103] a Secret that somebody broke is repaired, without a restart', async () => {
    const key = `${SYSTEM}/metallb-webhook-cert`
    const junk = Buffer.from('junk').toString('base64')
    await client.patch(SECRETS, key, { data: { 'ca.crt': junk } }, { type: 'merge' })
    await eventually(
      'another certificate',
      async () => (await client.get<Secret>(SECRETS, key)).data['ca.crt'] !== junk,
      90_000,
    )
    await eventually('the API server to trust it', () =>
      create(IP_ADDRESS_POOLS, 'after', { addresses: ['203.0.113.0/28'] }),
    )
    expect(log).toContain('webhook-certificate-renewed')
  })

  it('[row 104] a controller of webhooks only gives no address', async () => {
    controller.kill('SIGTERM')
    await new Promise(resolve => controller.once('exit', resolve))
    start('onlywebhook')
    await create(SERVICES, 'web', { type: 'LoadBalancer', ports: [{ port: 80 }] }, 'default')
    await eventually('the webhooks', () => create(IP_ADDRESS_POOLS, 'only', { addresses: ['203.0.113.16/28'] }))
    await new Promise(resolve => setTimeout(resolve, 2_000))
    const web = await client.get<Service>(SERVICES, 'default/web')
    expect(web.status.loadBalancer).toEqual({})
  })
})
