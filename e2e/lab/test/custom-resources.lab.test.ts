import { readFileSync } from 'node:fs'
import {
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  crds,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
  SERVICE_L2_STATUSES,
} from '@metallb-ts/api'
import {
  createClient,
  isCode,
  CUSTOM_RESOURCE_DEFINITIONS,
  NAMESPACES,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { eventually, SYSTEM } from '@metallb-ts/lab'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const binaries = findBinaries()

type Definition = KubeObject & { status?: { conditions?: { type: string; status: string; message?: string }[] } }

describe.skipIf(!binaries.ok)(
  `custom resources on a real API server (${binaries.ok ? 'here' : binaries.reason})`,
  () => {
    let plane: ControlPlane
    let client: KubeClient
    let names = 0

    const create = (resource: Resource, spec: object, apiVersion?: string): Promise<KubeObject & { spec?: object }> =>
      client.create(resource, {
        ...(apiVersion !== undefined && { apiVersion }),
        metadata: { name: `n${names++}`, namespace: SYSTEM },
        spec,
      } as never)

    beforeAll(async () => {
      plane = await startControlPlane({ binaries: binaries.ok ? binaries.folder : '', controllerManager: false })
      const authorization = (): string => `Bearer ${plane.adminToken}`
      client = createClient(
        httpTransport({ server: plane.url, tls: { ca: readFileSync(plane.caFile) }, authorization }),
      )
      for (const crd of crds()) await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd as never)
      await client.create(NAMESPACES, { metadata: { name: SYSTEM } } as never)
    })

    afterAll(async () => {
      await client?.transport.close()
      await plane?.stop()
    })

    it('every definition is taken, established, and structural', async () => {
      await eventually('all definitions to be established', async () => {
        const { items } = await client.list<Definition>(CUSTOM_RESOURCE_DEFINITIONS)
        return (
          items.length === crds().length &&
          items.every(({ status }) =>
            status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'),
          )
        )
      })
      const { items } = await client.list<Definition>(CUSTOM_RESOURCE_DEFINITIONS)
      for (const { metadata, status } of items) {
        const bad = status?.conditions?.filter(
          ({ type, status }) => type === 'NonStructuralSchema' && status === 'True',
        )
        expect(bad, metadata.name).toEqual([])
      }
    })

    it.each([
      ['a pool', IP_ADDRESS_POOLS, { addresses: ['192.0.2.0/24', '2001:db8::1-2001:db8::9'] }],
      [
        'a pool with everything',
        IP_ADDRESS_POOLS,
        {
          addresses: ['192.0.2.0/24'],
          autoAssign: false,
          avoidBuggyIPs: true,
          serviceAllocation: {
            priority: 5,
            namespaces: ['a'],
            namespaceSelectors: [{ matchLabels: { a: 'b' } }],
            serviceSelectors: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }],
          },
        },
      ],
      [
        'a layer 2 advertisement',
        L2_ADVERTISEMENTS,
        {
          ipAddressPools: ['a'],
          interfaces: ['eth0'],
          preferredNodeSelectors: [{ weight: 100, preference: { matchLabels: { a: 'b' } } }],
        },
      ],
      [
        'a BGP advertisement',
        BGP_ADVERTISEMENTS,
        {
          aggregationLength: 24,
          aggregationLengthV6: 64,
          localPref: 100,
          communities: ['64512:1', 'large:1:2:3', 'alias'],
          peers: ['a'],
        },
      ],
      [
        'a peer',
        BGP_PEERS,
        {
          myASN: 64512,
          peerASN: 4200000000,
          peerAddress: '192.0.2.1',
          holdTime: '9s',
          keepaliveTime: '3s',
          connectTime: '5s',
          routerID: '192.0.2.9',
          ebgpMultiHop: true,
          enableGracefulRestart: true,
          dualStackAddressFamily: true,
          passwordSecret: { name: 'md5' },
        },
      ],
      ['an unnumbered peer', BGP_PEERS, { myASN: 64512, dynamicASN: 'external', interface: 'eth0' }],
    ])('%s is taken as it is', async (_, resource, spec) => {
      expect((await create(resource, spec)).spec).toMatchObject(spec)
    })

    it.each([
      ['a pool without addresses', IP_ADDRESS_POOLS, {}],
      ['a weight out of bounds', L2_ADVERTISEMENTS, { preferredNodeSelectors: [{ weight: 101, preference: {} }] }],
      ['a preference without its selector', L2_ADVERTISEMENTS, { preferredNodeSelectors: [{ weight: 1 }] }],
      ['an aggregation length of 0', BGP_ADVERTISEMENTS, { aggregationLength: 0 }],
      [
        'aggregation beside service selectors',
        BGP_ADVERTISEMENTS,
        { aggregationLength: 24, serviceSelectors: [{ matchLabels: { a: 'b' } }] },
      ],
      ['a peer without our AS', BGP_PEERS, { peerASN: 64513, peerAddress: '192.0.2.1' }],
      [
        'a peer port out of bounds',
        BGP_PEERS,
        { myASN: 64512, peerASN: 64513, peerAddress: '192.0.2.1', peerPort: 16385 },
      ],
      ['an unknown kind of AS', BGP_PEERS, { myASN: 64512, dynamicASN: 'any', peerAddress: '192.0.2.1' }],
      ['addresses that are no list', IP_ADDRESS_POOLS, { addresses: '192.0.2.0/24' }],
    ])('%s is refused at once', async (_, resource, spec) => {
      const refused = await create(resource, spec).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(isCode(refused, 'invalid'), String(refused)).toBe(true)
    })

    it('defaults are those of MetalLB', async () => {
      expect((await create(IP_ADDRESS_POOLS, { addresses: ['192.0.2.0/24'] })).spec).toMatchObject({
        autoAssign: true,
        avoidBuggyIPs: false,
      })
      expect((await create(BGP_ADVERTISEMENTS, {})).spec).toMatchObject({
        aggregationLength: 32,
        aggregationLengthV6: 128,
      })
      expect((await create(BGP_PEERS, { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1' })).spec).toMatchObject({
        peerPort: 179,
      })
    })

    it('[row 102] a BGPPeer of v1beta1 is one of v1beta2, and the other way round, without any webhook', async () => {
      const old: Resource = { ...BGP_PEERS, version: 'v1beta1' }
      const spec = {
        myASN: 64_512,
        peerASN: 64_513,
        peerAddress: '192.0.2.1',
        peerPort: 1_179,
        holdTime: '90s',
        nodeSelectors: [
          {
            matchLabels: { rack: 'a' },
            matchExpressions: [{ key: 'zone', operator: 'In', values: ['z1', 'z2'] }],
          },
        ],
        password: 'secret',
        ebgpMultiHop: true,
      }
      const { metadata } = await create(old, spec)
      const shown = await client.get<KubeObject & { spec: object }>(BGP_PEERS, `${SYSTEM}/${metadata.name}`)
      expect(shown.apiVersion).toBe('metallb.io/v1beta2')
      expect(shown.spec).toMatchObject(spec)
      const newer = { ...spec, peerAddress: '192.0.2.2', vrf: 'red', dualStackAddressFamily: true }
      const { metadata: second } = await create(BGP_PEERS, newer)
      const asOld = await client.get<KubeObject & { spec: object }>(old, `${SYSTEM}/${second.name}`)
      expect(asOld.spec).toEqual({ ...spec, peerAddress: '192.0.2.2' })
    })

    it('[row 102] without a webhook, a write in the older version loses what only the newer one says', async () => {
      const old: Resource = { ...BGP_PEERS, version: 'v1beta1' }
      const router = { myASN: 64_512, peerASN: 64_513, peerAddress: '192.0.2.1' }
      const { metadata } = await create(BGP_PEERS, { ...router, vrf: 'red' })
      const key = `${SYSTEM}/${metadata.name}`
      await client.patch(old, key, { spec: { ebgpMultiHop: true } }, { type: 'merge' })
      const { spec } = await client.get<KubeObject & { spec: object }>(BGP_PEERS, key)
      expect(spec).toMatchObject({ ...router, ebgpMultiHop: true })
      expect(spec).not.toHaveProperty('vrf')
    })

    it('who a status is about cannot be changed', async () => {
      const made = await client.create(SERVICE_L2_STATUSES, { metadata: { name: 'l2-x', namespace: SYSTEM } } as never)
      const key = `${SYSTEM}/${made.metadata.name}`
      const status = { node: 'a', serviceName: 'web', serviceNamespace: 'default', interfaces: [] }
      const options = { type: 'merge', subresource: 'status' } as const
      await client.patch(SERVICE_L2_STATUSES, key, { status }, options)
      await expect(client.patch(SERVICE_L2_STATUSES, key, { status: { node: 'b' } }, options)).rejects.toThrow()
    })
  },
)
