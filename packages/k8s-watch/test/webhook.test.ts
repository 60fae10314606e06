import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimClock } from '@metallb-ts/runtime/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { httpTransport } from '../src/node/index.ts'
import {
  belongTogether,
  issueCertificate,
  startWebhookServer,
  type KeyPair,
  type WebhookServerInit,
} from '../src/node/webhook/index.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const DAY = 86_400_000
const NAME = 'metallb-webhook-service.metallb-system.svc'

function authority(): Promise<KeyPair> {
  const [notBefore, notAfter] = [Date.now() - DAY, Date.now() + DAY]
  return issueCertificate({ commonName: 'cert', organization: 'metallb', names: ['cert'], notBefore, notAfter })
}

function serving(issuer: KeyPair, days = 1): Promise<KeyPair> {
  const names = [NAME, 'localhost', '10.0.0.1', '2001:db8::1']
  return issueCertificate({
    commonName: NAME,
    issuer,
    names,
    notBefore: Date.now() - 2 * DAY,
    notAfter: Date.now() + days * DAY,
  })
}

describe('certificates', () => {
  it('openssl verifies what was issued, with every name', async () => {
    const [ca, folder] = [await authority(), mkdtempSync(join(tmpdir(), 'certificates-'))]
    cleanups.push(() => rmSync(folder, { recursive: true }))
    const { cert, key } = await serving(ca)
    writeFileSync(join(folder, 'ca.crt'), ca.cert)
    writeFileSync(join(folder, 'tls.crt'), cert)
    const openssl = (...args: string[]): string => execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' })
    for (const check of [
      ['-verify_hostname', NAME],
      ['-verify_ip', '10.0.0.1'],
      ['-verify_ip', '2001:db8::1'],
    ]) {
      const verified = openssl(
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        ...check,
        '-CAfile',
        'ca.crt',
        'tls.crt',
      )
      expect(verified).toContain('tls.crt: OK')
    }
    expect(key).toContain('BEGIN RSA PRIVATE KEY')
    expect(new X509Certificate(ca.cert).ca).toBe(true)
    expect(new X509Certificate(cert).checkIssued(new X509Certificate(ca.cert))).toBe(true)
  })

  it('a key that belongs to another certificate is noticed', async () => {
    const [one, two] = [await authority(), await authority()]
    expect(belongTogether(one)).toBe(true)
    expect(belongTogether({ cert: one.cert, key: two.key })).toBe(false)
    expect(belongTogether({ cert: 'junk', key: one.key })).toBe(false)
  })
})

/** A server with one validator and one converter, and who asks it. */
async function scene(init: Partial<WebhookServerInit> = {}, clock = new SimClock()): Promise<Scene> {
  const ca = await authority()
  const server = await startWebhookServer({
    clock,
    host: '127.0.0.1',
    port: 0,
    certificate: await serving(ca),
    validators: { '/validate': ({ object }) => ({ allowed: object?.metadata.name !== 'bad', message: 'it is bad' }) },
    converters: {
      '/convert': (object, apiVersion) => {
        if (object.metadata.name === 'bad') throw new Error('cannot be said in the other version')
        return { ...object, apiVersion }
      },
    },
    ...init,
  })
  cleanups.push(() => server.stop())
  const ask = async (path: string, body: unknown, trusted = ca): Promise<Asked> => {
    const transport = httpTransport({ server: `https://localhost:${server.port}`, tls: { ca: trusted.cert } })
    try {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const response = await transport.request({ method: 'POST', path, body: text })
      return { status: response.status, body: JSON.parse(await response.text()) as never }
    } finally {
      await transport.close()
    }
  }
  return { ca, server, ask }
}

interface Asked {
  readonly status: number
  readonly body: { readonly apiVersion: string; readonly kind: string; readonly response: Record<string, unknown> }
}

interface Scene {
  readonly ca: KeyPair
  readonly server: Awaited<ReturnType<typeof startWebhookServer>>
  readonly ask: (path: string, body: unknown, trusted?: KeyPair) => Promise<Asked>
}

const review = (name: string): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u-1', operation: 'CREATE', object: { metadata: { name } }, oldObject: null },
})

describe('the webhook server', () => {
  it('lets pass and refuses, with the reason', async () => {
    const { ask } = await scene()
    expect((await ask('/validate', review('good'))).body.response).toEqual({ uid: 'u-1', allowed: true })
    expect((await ask('/validate', review('bad'))).body.response).toEqual({
      uid: 'u-1',
      allowed: false,
      status: { code: 403, message: 'it is bad' },
    })
  })

  it('[K-71] a certificate rotated without a restart: new connections see it at once', async () => {
    const { ca, ask, server } = await scene({ certificate: await serving(await authority()) })
    await expect(ask('/validate', review('good'))).rejects.toThrow()
    server.useCertificate(await serving(ca))
    expect((await ask('/validate', review('good'))).body.response).toMatchObject({ allowed: true })
    const another = await authority()
    server.useCertificate(await serving(another))
    expect((await ask('/validate', review('good'), another)).status).toBe(200)
    await expect(ask('/validate', review('good'), ca)).rejects.toThrow()
  })

  it('[K-71] an expired certificate is refused by who asks, until it is replaced', async () => {
    const ca = await authority()
    const { ask, server } = await scene({ certificate: await serving(ca, -1) })
    await expect(ask('/validate', review('good'), ca)).rejects.toThrow(/expired/)
    server.useCertificate(await serving(ca))
    expect((await ask('/validate', review('good'), ca)).status).toBe(200)
  })

  it.each(['apiextensions.k8s.io/v1beta1', 'apiextensions.k8s.io/v1'])(
    '[K-72] ConversionReview of %s is answered in that version, object by object',
    async apiVersion => {
      const { ask } = await scene()
      const objects = ['a', 'b'].map(name => ({
        apiVersion: 'metallb.io/v1beta1',
        kind: 'BGPPeer',
        metadata: { name },
      }))
      const request = { uid: 'u-2', desiredAPIVersion: 'metallb.io/v1beta2', objects }
      const { body } = await ask('/convert', { apiVersion, kind: 'ConversionReview', request })
      expect(body).toEqual({
        apiVersion,
        kind: 'ConversionReview',
        response: {
          uid: 'u-2',
          convertedObjects: objects.map(object => ({ ...object, apiVersion: 'metallb.io/v1beta2' })),
          result: { status: 'Success' },
        },
      })
    },
  )

  it('[K-72] an object that cannot be converted fails the review, and says why', async () => {
    const { ask } = await scene()
    const request = { uid: 'u', desiredAPIVersion: 'metallb.io/v1beta2', objects: [{ metadata: { name: 'bad' } }] }
    const { body } = await ask('/convert', { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', request })
    expect(body.response).toEqual({
      uid: 'u',
      convertedObjects: [],
      result: { status: 'Failure', message: 'cannot be said in the other version' },
    })
  })

  it.each([
    ['refuse', { allowed: false, status: { code: 403, message: 'the check took more than 8000 ms' } }],
    ['allow', { allowed: true, warnings: ['the check took more than 8000 ms'] }],
  ] as const)('[K-73] a check that never ends: %s, before the API server gives up', async (onTimeout, answer) => {
    const clock = new SimClock()
    let asked = (): void => {}
    const isAsked = new Promise<void>(resolve => (asked = resolve))
    const validators = { '/validate': () => new Promise<never>(() => asked()) }
    const { ask } = await scene({ onTimeout, validators }, clock)
    const answered = ask('/validate', review('good'))
    await isAsked
    clock.advance(7_999)
    expect(await Promise.race([answered, new Promise(resolve => setTimeout(() => resolve('waits'), 50))])).toBe('waits')
    clock.advance(1)
    expect((await answered).body.response).toEqual({ uid: 'u-1', ...answer })
  })

  it.each([
    ['no JSON', '{"apiVersion":'],
    ['null', 'null'],
    ['a review without a request', '{"apiVersion":"v1","kind":"AdmissionReview"}'],
    ['more than 3 MiB', `"${'x'.repeat(3 * 1024 * 1024)}"`],
  ])('%s is answered with 400', async (_, body) => {
    const { ask } = await scene()
    expect((await ask('/validate', body)).status).toBe(400)
    expect((await ask('/validate', review('good'))).status).toBe(200)
  })

  it('a path that nobody serves is 404', async () => {
    const { ask } = await scene()
    expect((await ask('/else', review('good'))).status).toBe(404)
  })
})
