import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BFD_PROFILES, BGP_PEERS, conversionWebhook, crds, IP_ADDRESS_POOLS } from '@metallb-ts/api'
import {
  createClient,
  CUSTOM_RESOURCE_DEFINITIONS,
  NAMESPACES,
  SECRETS,
  SERVICES,
  type KubeClient,
  type KubeObject,
  type Page,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { eventually, PROGRAM_FLAGS, SYSTEM } from '@metallb-ts/lab'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const binaries = findBinaries()
const MAIN = fileURLToPath(new URL('../../../apps/controller/src/main.ts', import.meta.url))
const PORT = 39_443
/** For a program to start from source, on a machine that is busy with other things. */
const START_MS = 150_000
const CONVERTED = 'bgppeers.metallb.io'
const OLD_PEERS: Resource = { ...BGP_PEERS, version: 'v1beta1' }

const cluster = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})
const WEBHOOKS = cluster(
  'admissionregistration.k8s.io',
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
)

/** The API server has no way to cluster addresses here, and the program listens where the test says. */
function convertedHere(): object {
  const { strategy, webhook } = conversionWebhook(SYSTEM)
  const service = { ...webhook.clientConfig.service, port: PORT }
  return { strategy, webhook: { ...webhook, clientConfig: { service } } }
}

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> }
type Peer = KubeObject & { readonly spec: Readonly<Record<string, unknown>> }
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
    for (const { spec, ...crd } of crds()) {
      const conversion = crd.metadata.name === CONVERTED ? { conversion: convertedHere() } : {}
      await client.create(CUSTOM_RESOURCE_DEFINITIONS, { ...crd, spec: { ...spec, ...conversion } } as never)
    }
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
    const flags = [
      `--webhook-mode=${mode}`,
      '--conversion-webhook',
      `--webhook-port=${PORT}`,
      '--port=0',
      '--health-probe-port=0',
    ]
    const where = [`--kubeconfig=${plane.kubeconfig}`, `--namespace=${SYSTEM}`]
    controller = spawn(process.execPath, [...PROGRAM_FLAGS, MAIN, ...where, ...flags])
    controller.stdout?.on('data', (data: Buffer) => (log += data.toString()))
  }

  async function stop(): Promise<void> {
    controller.kill('SIGTERM')
    await new Promise(resolve => controller.once('exit', resolve))
  }

  it('[row 101] [row 103] once it has its certificate, good objects pass and bad ones are refused with the reason', async () => {
    const passes = (): Promise<unknown> => create(IP_ADDRESS_POOLS, 'first', { addresses: ['192.0.2.0/24'] })
    await eventually('a good pool to pass', passes, START_MS)
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

  it('[row 102] a BGPPeer that is written in its older version keeps what only the newer one says', async () => {
    const key = `${SYSTEM}/router`
    const spec = { myASN: 64_512, dynamicASN: 'external', interface: 'eth0', vrf: 'red', connectTime: '5s' }
    await create(BGP_PEERS, 'router', { ...spec, peerPort: 179 })
    const older = await eventually('the conversion', () => client.get<Peer>(OLD_PEERS, key))
    expect(older.spec).toEqual({ myASN: 64_512, peerASN: 0, peerAddress: '', peerPort: 179 })
    await client.replace(OLD_PEERS, { ...older, spec: { ...older.spec, holdTime: '9s' } } as never)
    await client.patch(OLD_PEERS, key, { spec: { ebgpMultiHop: true } }, { type: 'merge' })
    const { metadata, spec: written } = await client.get<Peer>(BGP_PEERS, key)
    expect(written).toEqual({
      ...spec,
      peerPort: 179,
      holdTime: '9s',
      ebgpMultiHop: true,
      disableMP: false,
      dualStackAddressFamily: false,
    })
    expect(metadata.annotations).toBeUndefined()
  })

  it('[row 102] what is created in the older version is stored in the newer, with its defaults, and judged like it', async () => {
    const spec = { myASN: 64_512, peerASN: 64_513, peerAddress: '2001:db8::1' }
    await create(OLD_PEERS, 'old', spec)
    const { spec: stored } = await client.get<Peer>(BGP_PEERS, `${SYSTEM}/old`)
    expect(stored).toEqual({ ...spec, peerPort: 179, disableMP: false, dualStackAddressFamily: false })
    await expect(create(OLD_PEERS, 'worse', { ...spec, peerAddress: 'nowhere' })).rejects.toMatchObject(
      refused(/nowhere/),
    )
    const { items } = await client.list<Peer>(OLD_PEERS, { namespace: SYSTEM })
    expect(items.map(({ metadata: { name } }) => name).sort()).toEqual(['old', 'router'])
  })

  it('[row 102] fields applied in both versions keep their owners', async () => {
    const key = `${SYSTEM}/applied`
    const apply = (resource: Resource, fieldManager: string, spec: object): Promise<Peer> =>
      client.patch(resource, key, { metadata: { name: 'applied' }, spec }, { type: 'apply', fieldManager })
    const router = { myASN: 64_512, peerASN: 64_513, peerAddress: '192.0.2.1' }
    await apply(OLD_PEERS, 'person', router)
    await apply(BGP_PEERS, 'program', { myASN: 64_512, vrf: 'red' })
    await apply(OLD_PEERS, 'person', { ...router, holdTime: '9s' })
    const { spec } = await client.get<Peer>(BGP_PEERS, key)
    expect(spec).toMatchObject({ ...router, holdTime: '9s', vrf: 'red' })
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

  it('[row 102] while nobody converts, the stored version is read as ever, and when that is turned off the other one, too', async () => {
    await stop()
    const { items } = await client.list(BGP_PEERS, { namespace: SYSTEM })
    expect(items.length).toBeGreaterThan(0)
    const ofOlder = (): Promise<Page<Peer>> => client.list<Peer>(OLD_PEERS, { namespace: SYSTEM })
    await client.patch(CUSTOM_RESOURCE_DEFINITIONS, CONVERTED, { spec: { conversion: null } }, { type: 'merge' })
    await eventually('the older version', async () => (await ofOlder()).items.length === items.length)
  })

  it('[row 104] a controller of webhooks only gives no address', async () => {
    start('onlywebhook')
    await create(SERVICES, 'web', { type: 'LoadBalancer', ports: [{ port: 80 }] }, 'default')
    const passes = (): Promise<unknown> => create(IP_ADDRESS_POOLS, 'only', { addresses: ['203.0.113.16/28'] })
    await eventually('the webhooks', passes, START_MS)
    await new Promise(resolve => setTimeout(resolve, 2_000))
    const web = await client.get<Service>(SERVICES, 'default/web')
    expect(web.status.loadBalancer).toEqual({})
  })
})
