import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROCESS_OPTIONS, readOptions } from '@metallb-ts/runtime'
import { SimClock } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../src/index.ts'
import { givenCertificate } from '../src/node/given-certificate.ts'
import { httpTransport, serveMetrics } from '../src/node/index.ts'
import { issueCertificate, type KeyPair } from '../src/node/webhook/index.ts'

const NOW = Date.UTC(2026, 0, 1)
const DAY = 86_400_000

describe('[row 99] the certificate that an operator gives for the metrics', () => {
  let folder: string
  let own: KeyPair
  let good: KeyPair
  const troubles: string[] = []
  let now = NOW
  const write = ({ cert, key }: Partial<KeyPair>): void => {
    if (cert !== undefined) writeFileSync(join(folder, 'tls.crt'), cert)
    if (key !== undefined) writeFileSync(join(folder, 'tls.key'), key)
  }
  const issue = (name: string, days: number): Promise<KeyPair> =>
    issueCertificate({ commonName: name, names: [name], notBefore: NOW - DAY, notAfter: NOW + days * DAY })

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'certificate-'))
    own = await issue('own', 100)
    good = await issue('good', 10)
    troubles.length = 0
    now = NOW
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  const served = (): (() => Partial<KeyPair>) =>
    givenCertificate(
      folder,
      own,
      () => now,
      sentence => troubles.push(sentence),
    )

  it('is served, and the next one after it', async () => {
    const pair = served()
    write(good)
    expect(pair()).toEqual(good)
    const next = await issue('next', 20)
    write(next)
    expect(pair()).toEqual(next)
    expect(troubles).toEqual([])
  })

  it.each([
    ['an empty Secret', {}, /cannot be served, one of our own is/],
    ['no PEM', { cert: 'edited by hand', key: 'x' }, /cannot be served/],
    ['an empty file', { cert: '', key: '' }, /cannot be served/],
  ])('that is %s is told once, and replaced by our own', (_what, content, said) => {
    write(content)
    const pair = served()
    expect([pair(), pair()]).toEqual([own, own])
    expect(troubles).toEqual([expect.stringMatching(said)])
  })

  it('with the key of another leaves the last good pair, until both are mended', async () => {
    write(good)
    const pair = served()
    pair()
    write({ key: own.key })
    expect(pair()).toEqual(good)
    expect(troubles).toEqual([expect.stringMatching(/the last good one is/)])
    write(good)
    expect(pair()).toEqual(good)
    expect(troubles).toHaveLength(1)
  })

  it('that has expired is served and told: whoever scrapes may not look', () => {
    write(good)
    now = NOW + 11 * DAY
    expect(served()()).toEqual(good)
    expect(troubles).toEqual([expect.stringMatching(/has expired 2026-01-11/)])
  })

  it('broken from the start, the metrics are shown all the same and the process goes on', async () => {
    write({ cert: 'edited by hand' })
    const defaults = readOptions(PROCESS_OPTIONS, [], {})
    if (!defaults.ok) throw new Error(defaults.error.sentence)
    const transport = httpTransport({ server: 'http://127.0.0.1:1' })
    const metrics = { contentType: 'text/plain', page: () => Promise.resolve('') }
    const port = 29_120 + Math.floor(Math.random() * 1_000)
    const server = await serveMetrics(
      { ...defaults.value, metricsPort: port, metricsCertificateFolder: folder },
      {
        metrics,
        client: createClient(transport),
        clock: new SimClock(),
        onTrouble: sentence => troubles.push(sentence),
      },
    )
    const reader = httpTransport({ server: `https://localhost:${server!.port}`, insecure: true })
    const response = await reader.request({ method: 'GET', path: '/metrics' })
    expect(response.status).toBe(401)
    await response.text()
    expect(troubles).toHaveLength(1)
    await Promise.all([reader.close(), transport.close(), server!.stop()])
  })
})
