import { X509Certificate } from 'node:crypto'
import { SimClock } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, SECRETS, type KubeClient, type KubeObject } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import {
  convertedDefinition,
  createRotator,
  issueCertificate,
  renewalOf,
  renewed,
  validatingWebhooks,
  type KeyPair,
  type Rotator,
  type WebhookCertificates,
} from '../src/node/webhook/index.ts'
import { startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'

const NEEDS = { name: 'metallb-webhook-service.metallb-system.svc', organization: 'metallb' }
const NONE: WebhookCertificates = { authority: { cert: '', key: '' }, server: { cert: '', key: '' } }
const NOW = Date.UTC(2026, 0, 1)
const DAY = 86_400_000

describe('[row 103] what has to be renewed', () => {
  it('from nothing, everything; and what was made then needs nothing, until 90 days before its end', async () => {
    const made = await renewed(NONE, renewalOf(NONE, NEEDS, NOW).what, NEEDS, NOW)
    expect(renewalOf(NONE, NEEDS, NOW).what).toBe('everything')
    expect(renewalOf(made, NEEDS, NOW)).toEqual({ what: 'nothing' })
    expect(renewalOf(made, NEEDS, NOW + 274 * DAY)).toEqual({ what: 'nothing' })
    expect(renewalOf(made, NEEDS, NOW + 276 * DAY)).toMatchObject({ what: 'server' })
    expect(renewalOf(made, NEEDS, NOW + 3_562 * DAY)).toMatchObject({ what: 'everything' })
    const again = await renewed(made, 'server', NEEDS, NOW + 276 * DAY)
    expect(again.authority).toEqual(made.authority)
    expect(renewalOf(again, NEEDS, NOW + 276 * DAY)).toEqual({ what: 'nothing' })
    const { subject, validTo } = new X509Certificate(made.authority.cert)
    expect(subject.split('\n').sort()).toEqual(['CN=cert', 'O=metallb'])
    expect(Date.parse(validTo)).toBe(NOW + 3_650 * DAY)
  })

  it('whatever somebody broke by hand', async () => {
    const good = await renewed(NONE, 'everything', NEEDS, NOW)
    const other = await renewed(NONE, 'everything', { ...NEEDS, name: 'other.svc' }, NOW)
    const times = { notBefore: NOW - DAY, notAfter: NOW + 365 * DAY }
    const leaf = await issueCertificate({ commonName: 'x', issuer: good.authority, ...times })
    const cases: readonly (readonly [WebhookCertificates, string, RegExp])[] = [
      [{ ...good, authority: { ...good.authority, key: other.authority.key } }, 'everything', /not its key/],
      [{ ...good, authority: leaf }, 'everything', /may not issue/],
      [{ ...good, server: { ...good.server, cert: 'junk' } }, 'server', /no certificate/],
      [{ ...good, server: { ...good.server, key: other.server.key } }, 'server', /not its key/],
      [{ ...good, server: other.server }, 'server', /another authority/],
      [{ ...good, server: leaf }, 'server', /does not name metallb-webhook-service/],
    ]
    for (const [certificates, what, reason] of cases) {
      const renewal = renewalOf(certificates, NEEDS, NOW)
      expect(renewal).toMatchObject({ what, reason: expect.stringMatching(reason) as string })
      const mended = await renewed(certificates, renewal.what, NEEDS, NOW)
      expect(renewalOf(mended, NEEDS, NOW)).toEqual({ what: 'nothing' })
    }
  })
})

describe('[row 103] the rotator', () => {
  const CONFIGURATIONS = validatingWebhooks('').resource
  const DEFINITIONS = convertedDefinition('').resource
  const PEERS = 'bgppeers.metallb.io'
  let server: FakeApiServer
  let client: KubeClient
  let clock: SimClock
  let rotator: Rotator
  let served: KeyPair[]
  let renewals: string[]
  let troubles: string[]

  beforeEach(async () => {
    server = await startFakeApiServer()
    client = createClient(httpTransport({ server: server.url }))
    clock = new SimClock(NOW)
    ;[served, renewals, troubles] = [[], [], []]
    rotator = createRotator(
      {
        client,
        clock,
        onCertificate: certificate => void served.push(certificate),
        onRenewed: reason => void renewals.push(reason),
        onTrouble: sentence => void troubles.push(sentence),
      },
      {
        ...NEEDS,
        namespace: 'metallb-system',
        secret: 'metallb-webhook-cert',
        places: [validatingWebhooks('metallb'), convertedDefinition(PEERS)],
      },
    )
    const webhooks = ['a', 'b'].map(name => ({ name, clientConfig: { url: 'https://here' } }))
    await client.create(CONFIGURATIONS, { metadata: { name: 'metallb' }, webhooks } as never)
    await define({ strategy: 'Webhook', webhook: { clientConfig: { url: 'https://here' } } })
  })

  afterEach(async () => {
    rotator.stop()
    await client.transport.close()
    await server.stop()
  })

  const secret = (): Promise<KubeObject & { data: Record<string, string> }> =>
    client.get(SECRETS, 'metallb-system/metallb-webhook-cert')
  const bundles = async (): Promise<readonly (string | undefined)[]> => {
    const { webhooks } = await client.get<KubeObject & { webhooks: { clientConfig: { caBundle?: string } }[] }>(
      CONFIGURATIONS,
      'metallb',
    )
    return webhooks.map(({ clientConfig }) => clientConfig.caBundle)
  }
  const define = (conversion: object): Promise<unknown> =>
    client.create(DEFINITIONS, {
      metadata: { name: PEERS },
      spec: { group: 'metallb.io', names: { plural: 'bgppeers', kind: 'BGPPeer' }, versions: [], conversion },
    } as never)
  const conversion = async (): Promise<object> =>
    (await client.get<KubeObject & { spec: { conversion: object } }>(DEFINITIONS, PEERS)).spec.conversion
  async function until(holds: () => boolean | Promise<boolean>, step = 0): Promise<void> {
    for (let i = 0; i < 400 && !(await holds()); i++) {
      await new Promise(resolve => setTimeout(resolve, 10))
      if (step > 0) clock.advance(step)
    }
    expect(await holds()).toBe(true)
  }

  it('fills the empty Secret of the chart, serves from it, and tells API servers the authority', async () => {
    await client.create(SECRETS, { metadata: { name: 'metallb-webhook-cert', namespace: 'metallb-system' } })
    expect(rotator.trouble).toContain('not there yet')
    rotator.start()
    await until(() => rotator.trouble === undefined)
    const { data } = await secret()
    expect(Object.keys(data).sort()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
    expect(Buffer.from(data['tls.crt']!, 'base64').toString()).toBe(served[0]!.cert)
    expect(await bundles()).toEqual([data['ca.crt'], data['ca.crt']])
    const clientConfig = { url: 'https://here', caBundle: data['ca.crt'] }
    expect(await conversion()).toEqual({ strategy: 'Webhook', webhook: { clientConfig } })
  })

  it('leaves a definition alone that converts nothing, and one that is turned to webhooks later is told', async () => {
    await client.remove(DEFINITIONS, PEERS)
    await define({ strategy: 'None' })
    rotator.start()
    await until(() => rotator.trouble === undefined)
    expect(await conversion()).toEqual({ strategy: 'None' })
    const asked = { strategy: 'Webhook', webhook: { clientConfig: { url: 'https://here' } } }
    await client.patch(DEFINITIONS, PEERS, { spec: { conversion: asked } }, { type: 'merge' })
    clock.advance(30_000)
    await until(async () => JSON.stringify(await conversion()).includes('caBundle'))
  })

  it('repairs what somebody edited, and leaves what is good', async () => {
    rotator.start()
    await until(() => rotator.trouble === undefined)
    const before = server.core.store.revision
    clock.advance(30_000)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(server.core.store.revision).toBe(before)
    await client.patch(
      SECRETS,
      'metallb-system/metallb-webhook-cert',
      { data: { 'tls.key': 'anVuaw==' } },
      { type: 'merge' },
    )
    const broken = [{ name: 'a', clientConfig: { url: 'https://here', caBundle: 'anVuaw==' } }]
    await client.patch(CONFIGURATIONS, 'metallb', { webhooks: broken }, { type: 'merge' })
    const elsewhere = { webhook: { clientConfig: { caBundle: 'anVuaw==' } } }
    await client.patch(DEFINITIONS, PEERS, { spec: { conversion: elsewhere } }, { type: 'merge' })
    clock.advance(30_000)
    await until(() => renewals.length === 2)
    const { data } = await secret()
    await until(async () => (await bundles())[0] === data['ca.crt'])
    await until(async () => JSON.stringify(await conversion()).includes(data['ca.crt']!))
    expect(served).toHaveLength(2)
  })

  it('[K-71] is renewed 90 days before its end without a restart', async () => {
    rotator.start()
    await until(() => rotator.trouble === undefined)
    await until(() => served.length === 2, DAY)
    expect(new X509Certificate(served[1]!.cert).validToDate.getTime()).toBeGreaterThan(
      new X509Certificate(served[0]!.cert).validToDate.getTime() + 200 * DAY,
    )
  })

  it('says why API servers do not trust it, and tries again', async () => {
    await client.remove(CONFIGURATIONS, 'metallb')
    rotator.start()
    await until(() => troubles.length > 0)
    expect(rotator.trouble).toMatch(/not-found/)
    await client.create(CONFIGURATIONS, { metadata: { name: 'metallb' }, webhooks: [] } as never)
    await until(() => rotator.trouble === undefined, 5_000)
  })
})
