import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conversionWebhook, crds } from '@metallb-ts/api'
import { SERVICES as SERVICE_RESOURCE, type KubeObject } from '@metallb-ts/k8s-watch'
import { eventually, SYSTEM } from '@metallb-ts/lab'
import { CHART } from '@metallb-ts/tools/chart/helm'
import { ROOT } from '@metallb-ts/tools/run'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { binaries, Installation } from './installation.ts'

/** What MetalLB's users have written, and what it has answered them in `status`. */
const CONFIGURATION = [
  resource('IPAddressPool', 'main', { addresses: ['192.0.2.0/28'] }),
  resource('IPAddressPool', 'reserved', { addresses: ['198.51.100.1-198.51.100.9'], autoAssign: false }),
  resource('IPAddressPool', 'dual', { addresses: ['203.0.113.0/28', '2001:db8:1::/124'], avoidBuggyIPs: true }),
  resource('IPAddressPool', 'team', { addresses: ['192.0.2.128/28'], serviceAllocation: { namespaces: ['default'] } }),
  resource('L2Advertisement', 'all'),
  resource('BGPAdvertisement', 'all', { aggregationLength: 32 }),
  {
    ...resource('BGPPeer', 'router', { myASN: 64512, peerASN: 64513, peerAddress: '10.0.0.1' }),
    apiVersion: 'metallb.io/v1beta2',
  },
]

/** Name, metadata and spec of a Service, its addresses, and the pool in its annotation. */
const SERVICES: readonly (readonly [string, object, object, readonly string[], string])[] = [
  ['picked-for-it', {}, {}, ['192.0.2.7'], 'main'],
  ['the-first-of-a-pool', {}, {}, ['192.0.2.0'], 'main'],
  ['of-its-namespace', {}, {}, ['192.0.2.130'], 'team'],
  ['asks-in-its-spec', {}, { loadBalancerIP: '192.0.2.9' }, ['192.0.2.9'], 'main'],
  ['asks-for-a-pool', { 'metallb.io/address-pool': 'reserved' }, {}, ['198.51.100.4'], 'reserved'],
  ['asks-the-old-way', { 'metallb.universe.tf/loadBalancerIPs': '198.51.100.5' }, {}, ['198.51.100.5'], 'reserved'],
  [
    'has-both-families',
    {},
    { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] },
    ['203.0.113.5', '2001:db8:1::5'],
    'dual',
  ],
  ['is-local', {}, { externalTrafficPolicy: 'Local' }, ['192.0.2.3'], 'main'],
  ['shares', { 'metallb.io/allow-shared-ip': 'key' }, { ports: [{ port: 80 }] }, ['192.0.2.4'], 'main'],
  ['shares-too', { 'metallb.io/allow-shared-ip': 'key' }, { ports: [{ port: 443 }] }, ['192.0.2.4'], 'main'],
]

const PEERS = 'bgppeers.metallb.io'

describe.skipIf(!binaries.ok)(`coming from MetalLB (${binaries.ok ? 'here' : binaries.reason})`, () => {
  let installation: Installation
  let before: readonly ServiceObject[]
  const kubectl = (...args: readonly string[]): Promise<string> => installation.kubectl(args)

  beforeAll(async () => {
    installation = await Installation.start()
    const predecessor = join(installation.folder, 'metallb')
    cpSync(join(ROOT, 'e2e/chart/predecessor'), predecessor, { recursive: true })
    writeFileSync(join(predecessor, 'templates/crds.yaml'), definitionsWithConversion())
    const asLeft = ['--create-namespace', '--set=webhooks=false'] // nobody answers them here while we write
    await installation.helm('install', 'metallb', predecessor, ...asLeft)
    await eventually('the definitions', () => installation.kubectl(['apply', '--filename=-'], CONFIGURATION))
    for (const [name, annotations, spec, addresses, pool] of SERVICES)
      await createService(name, { ...annotations, 'metallb.io/ip-allocated-from-pool': pool }, spec, addresses)
    await leaveBehind()
    await trustMetallb()
    await installation.helm('upgrade', 'metallb', predecessor, '--set=webhooks=true') // else Helm keeps the value from before
    before = await services()
  })

  afterAll(() => installation?.remove())

  it('[row 109] helm upgrade replaces a release of MetalLB’s chart, with its values, and takes its webhooks away', async () => {
    await eventually('a refusal, for nobody answers the webhook', () =>
      addPool('refused', '--dry-run=server').then(
        () => false,
        error => /webhook/.test(String(error)),
      ),
    )
    const said = await installation.helm('upgrade', 'metallb', CHART, '--values=-', '--set=frrk8s.enabled=true')
    expect(said).toContain('STATUS: deployed')
    expect(said).toMatch(/mean nothing here[\s\S]*frrk8s\.enabled/)
    expect(await kubectl('get', 'validatingwebhookconfigurations', '--output=name')).toBe('')
    expect(await kubectl('get', 'crd', PEERS, '--output=jsonpath={.spec.conversion}')).toBe('{"strategy":"None"}')
    const owners = ['deployments', 'daemonsets', '--output=jsonpath={.items[*].metadata.name}', `--namespace=${SYSTEM}`]
    expect(await kubectl('get', owners[0]!, owners[2]!, owners[3]!)).toBe('metallb-controller')
    expect(await kubectl('get', owners[1]!, owners[2]!, owners[3]!)).toBe('metallb-speaker')
    await eventually('a pool to be taken', () => addPool('taken'))
  })

  it('[row 109] not one address changes, a Service gets a condition and nothing else, and what is given next was free', async () => {
    const controller = await installation.start('controller')
    await installation.isReady('controller', controller)
    await installation.kubectl(['apply', '--filename=-'], [service('new', {}, {})])
    const given = await eventually('an address', async () => {
      const found = (await services()).find(({ metadata }) => metadata.name === 'new')
      return found?.status.loadBalancer?.ingress?.[0]?.ip
    })
    const after = (await services()).filter(({ metadata }) => metadata.name !== 'new')
    expect(after.map(({ status }) => status.loadBalancer)).toEqual(before.map(({ status }) => status.loadBalancer))
    expect(after.map(meaning)).toEqual(before.map(meaning))
    expect(SERVICES.flatMap(([, , , addresses]) => addresses)).not.toContain(given)
    await eventually('the counters of the pool', async () => {
      const counter = '--output=jsonpath={.status.assignedIPv4}'
      return (await kubectl('get', 'ipaddresspool', 'reserved', `--namespace=${SYSTEM}`, counter)) === '2'
    })
    expect(await controller.stop()).toBe(0)
    expect(controller.log()).not.toMatch(/forbidden/i)
  })

  it('[row 37] the speakers’ secret stays as it is', async () => {
    const key = ['get', 'secret', 'metallb-memberlist', `--namespace=${SYSTEM}`, '--output=jsonpath={.data.secretkey}']
    expect(Buffer.from(await installation.kubectl(key), 'base64').toString()).toBe('of the speakers')
  })

  it('[row 109] helm rollback brings MetalLB back, and again no address changes', async () => {
    await installation.helm('rollback', 'metallb', '2')
    expect(await kubectl('get', 'validatingwebhookconfigurations', '--output=name')).toContain('metallb-webhook')
    const image = '--output=jsonpath={.spec.template.spec.containers[0].image}'
    expect(await kubectl('get', 'deployment', 'metallb-controller', `--namespace=${SYSTEM}`, image)).toMatch(
      /^metallb\/controller:/,
    )
    const after = (await services()).filter(({ metadata }) => metadata.name !== 'new')
    expect(after.map(({ status }) => status.loadBalancer)).toEqual(before.map(({ status }) => status.loadBalancer))
  })

  it('[row 109] the manifests replace MetalLB’s, by the commands of docs/migrating.md, and applying them twice changes nothing', async () => {
    const apply = ['apply', '--server-side', '--force-conflicts'] as const
    await kubectl(...apply, `--filename=${join(installation.folder, 'metallb/templates/crds.yaml')}`)
    await trustMetallb()
    await kubectl('delete', 'validatingwebhookconfiguration', 'metallb-webhook-configuration')
    await kubectl('patch', 'crd', PEERS, '--type=merge', '--patch={"spec":{"conversion":null}}')
    const ours = `--filename=${join(ROOT, 'config/manifests/metallb-native.yaml')}`
    const versions = (): Promise<string> =>
      kubectl('get', ours, '--output=jsonpath={.items[*].metadata.resourceVersion}')
    await kubectl(...apply, ours)
    const before = await versions()
    await kubectl(...apply, ours)
    expect(await versions()).toBe(before)
    expect(await kubectl('get', 'crd', PEERS, '--output=jsonpath={.spec.conversion}')).toBe('{"strategy":"None"}')
  })

  /** The controller of MetalLB's writes its authority into the definition, as another owner of the field. */
  async function trustMetallb(): Promise<void> {
    const conversion = {
      webhook: { clientConfig: { caBundle: Buffer.from(installation.authority).toString('base64') } },
    }
    const patch = `--patch=${JSON.stringify({ spec: { conversion } })}`
    await kubectl('patch', 'crd', PEERS, '--type=merge', patch, '--field-manager=MetalLB')
  }

  async function services(): Promise<readonly ServiceObject[]> {
    const names = [...SERVICES.map(([name]) => name), 'new']
    const { client } = installation.cluster
    const found = names.map(name =>
      client.get<ServiceObject & KubeObject>(SERVICE_RESOURCE, `default/${name}`).catch(() => undefined),
    )
    return (await Promise.all(found)).filter(service => service !== undefined)
  }

  async function createService(
    name: string,
    annotations: object,
    spec: object,
    addresses: readonly string[],
  ): Promise<void> {
    const { cluster } = installation
    await cluster.apply(SERVICE_RESOURCE, service(name, annotations, spec))
    const status = { loadBalancer: { ingress: addresses.map(ip => ({ ip, ipMode: 'VIP' })) } }
    const how = { type: 'merge', subresource: 'status' } as const
    await cluster.client.patch(SERVICE_RESOURCE, `default/${name}`, { status }, how)
  }

  /** What the processes of MetalLB have made, of which no chart knows. */
  async function leaveBehind(): Promise<void> {
    const labels = {
      'metallb.io/node': 'gone',
      'metallb.io/service-name': 'picked-for-it',
      'metallb.io/service-namespace': 'default',
    }
    const key = Buffer.from('of the speakers').toString('base64')
    await installation.kubectl(
      ['apply', '--filename=-'],
      [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'metallb-memberlist', namespace: SYSTEM },
          data: { secretkey: key },
        },
        labelled('ServiceL2Status', 'l2-abcde', labels),
        labelled('ServiceBGPStatus', 'bgp-abcde', labels),
        labelled('ConfigurationState', 'controller', {}),
      ],
    )
  }

  async function addPool(name: string, ...more: readonly string[]): Promise<string> {
    return installation.kubectl(
      ['apply', '--filename=-', ...more],
      [resource('IPAddressPool', name, { addresses: ['192.0.2.64/32'], autoAssign: false })],
    )
  }
})

/** Everything of a Service but its conditions, which are new here. */
function meaning({ metadata, spec, status }: ServiceObject): object {
  const { resourceVersion: _version, managedFields: _fields, ...rest } = metadata
  return { metadata: rest, spec, loadBalancer: status.loadBalancer }
}

interface ServiceObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly managedFields?: unknown }
  readonly spec: { readonly type: string }
  readonly status: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip: string }[] } }
}

function resource(kind: string, name: string, spec: object = {}): object {
  return { apiVersion: 'metallb.io/v1beta1', kind, metadata: { name, namespace: SYSTEM }, spec }
}

function labelled(kind: string, name: string, labels: object): object {
  return { apiVersion: 'metallb.io/v1beta1', kind, metadata: { name, namespace: SYSTEM, labels } }
}

function service(name: string, annotations: object, spec: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  }
}

/** MetalLB's definitions convert BGPPeers by webhook. */
function definitionsWithConversion(): string {
  return crds()
    .map(({ spec, ...definition }) => {
      const isPeer = definition.metadata.name === PEERS
      return { ...definition, spec: { ...spec, ...(isPeer && { conversion: conversionWebhook(SYSTEM) }) } }
    })
    .map(definition => stringify(definition, { aliasDuplicateObjects: false }))
    .join('---\n')
}
