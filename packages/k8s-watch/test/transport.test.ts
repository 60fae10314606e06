import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, createRecorder, CONFIG_MAPS, EVENTS, type KubeObject, type KubeTransport } from '../src/index.ts'
import { httpTransport, tokenFile } from '../src/node/index.ts'
import { startFakeApiServer } from '../src/testing/index.ts'
import { SimClock } from '@metallb-ts/runtime/testing'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A server that answers as the test says, and a transport to it. */
async function served(
  answer: (response: ServerResponse, authorization: string) => void,
  init: object = {},
): Promise<KubeTransport> {
  const server: Server = createServer((request, response) => answer(response, request.headers.authorization ?? ''))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const transport = httpTransport({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...init })
  cleanups.push(
    () => {
      server.closeAllConnections()
      server.close()
    },
    () => transport.close(),
  )
  return transport
}

async function linesOf(
  transport: KubeTransport,
): Promise<{ readonly lines: readonly string[]; readonly error: unknown }> {
  const response = await transport.request({ method: 'GET', path: '/' })
  const lines: string[] = []
  try {
    for await (const some of response.lines()) lines.push(...some)
    return { lines, error: undefined }
  } catch (error) {
    return { lines, error }
  }
}

describe('the HTTP transport', () => {
  it('[K-25] lines come whole: split within a character, ended with CRLF, two at once, very long', async () => {
    const text = `{"name":"größe-日本-🙂"}\r\n{"two":1}\n{"three":2}\n${'x'.repeat(1_500_000)}\n`
    for (const size of [1, 3, 7, 65_536]) {
      const bytes = Buffer.from(size < 10 ? text.slice(0, text.indexOf('x')) : text)
      const transport = await served(response => {
        let at = 0
        const next = (): void => {
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, (at += size)), () => setImmediate(next))
        }
        next()
      })
      const { lines, error } = await linesOf(transport)
      expect(error).toBeUndefined()
      expect(lines.slice(0, 3)).toEqual(['{"name":"größe-日本-🙂"}', '{"two":1}', '{"three":2}'])
      if (size > 10) expect(lines[3]).toHaveLength(1_500_000)
    }
  })

  it('[K-24] a connection that breaks within a line loses that line, and says so', async () => {
    const transport = await served(response => {
      response.write('{"whole":1}\n{"half":')
      setTimeout(() => response.destroy(), 30)
    })
    const { lines, error } = await linesOf(transport)
    expect(lines).toEqual(['{"whole":1}'])
    expect(error).toBeInstanceOf(Error)
  })

  it('a line without end is not kept for ever', async () => {
    const transport = await served(response => {
      const more = (): void =>
        void (response.destroyed || response.write('x'.repeat(1_000_000), () => setImmediate(more)))
      more()
    })
    expect((await linesOf(transport)).error).toMatchObject({ problem: { code: 'bad-answer', flaw: 'too-long' } })
  })

  it('[K-46] an answer whose headers come late is waited for, up to its time', async () => {
    const slow = await served(response => void setTimeout(() => response.end('ok'), 150))
    expect(await (await slow.request({ method: 'GET', path: '/', idleMs: 2_000 })).text()).toBe('ok')
    const never = await served(() => {})
    await expect(never.request({ method: 'GET', path: '/', idleMs: 500 })).rejects.toThrow()
  })

  it('[K-06] a token that is refused is read anew at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'token')
    writeFileSync(path, 'old\n')
    const transport = await served((response, authorization) => {
      response.statusCode = authorization === 'Bearer new' ? 200 : 401
      response.end('{}')
    }, tokenFile(path))
    expect((await transport.request({ method: 'GET', path: '/' })).status).toBe(401)
    writeFileSync(path, 'new\n')
    expect((await transport.request({ method: 'GET', path: '/' })).status).toBe(200)
  })

  it('[K-50] requests share connections', async () => {
    const server = createServer((_, response) => void response.end('{}'))
    let connections = 0
    server.on('connection', () => connections++)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const transport = httpTransport({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    cleanups.push(
      () => server.close(),
      () => transport.close(),
    )
    for (let i = 0; i < 50; i++) await (await transport.request({ method: 'GET', path: '/' })).text()
    expect(connections).toBeLessThanOrEqual(2)
  })
})

describe('writes', () => {
  it('[K-58] a create whose answer is lost is found again by its name, not made twice', async () => {
    const server = await startFakeApiServer()
    const client = createClient(httpTransport({ server: server.url }))
    cleanups.push(
      () => server.stop(),
      () => client.transport.close(),
    )
    server.faults.add({ method: 'POST', effect: { type: 'lose-answer' } })
    const object = { metadata: { name: 'once', namespace: 'default' } }
    await expect(client.create(CONFIG_MAPS, object)).rejects.toMatchObject({ problem: { code: 'unreachable' } })
    await expect(client.create(CONFIG_MAPS, object)).rejects.toMatchObject({ problem: { code: 'already-exists' } })
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(1)
  })

  it('[K-60] a deletion with a precondition spares an object that was made again', async () => {
    const server = await startFakeApiServer()
    const client = createClient(httpTransport({ server: server.url }))
    cleanups.push(
      () => server.stop(),
      () => client.transport.close(),
    )
    const { metadata } = await client.create<KubeObject>(CONFIG_MAPS, { metadata: { name: 'a', namespace: 'default' } })
    await expect(client.remove(CONFIG_MAPS, 'default/a', { uid: 'another' })).rejects.toMatchObject({
      problem: { code: 'conflict' },
    })
    await client.remove(CONFIG_MAPS, 'default/a', { uid: metadata.uid! })
    expect((await client.list(CONFIG_MAPS)).items).toEqual([])
  })

  it('[K-63] a write that is refused says with which words', async () => {
    const server = await startFakeApiServer()
    const client = createClient(httpTransport({ server: server.url }))
    cleanups.push(
      () => server.stop(),
      () => client.transport.close(),
    )
    server.faults.add({ method: 'POST', effect: { type: 'status', code: 403, reason: 'Forbidden' } })
    const refused = client.create(CONFIG_MAPS, { metadata: { name: 'a', namespace: 'default' } })
    await expect(refused).rejects.toMatchObject({
      problem: { code: 'forbidden', status: 403, message: 'as the test asked' },
    })
  })
})

describe('Events', () => {
  it('[K-70] the same said a thousand times is one Event with its count', async () => {
    const server = await startFakeApiServer()
    const client = createClient(httpTransport({ server: server.url }))
    cleanups.push(
      () => server.stop(),
      () => client.transport.close(),
    )
    const clock = new SimClock()
    const recorder = createRecorder({ client, clock }, { component: 'test', host: 'here' })
    const subject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default', uid: 'u' } }
    for (let i = 0; i < 1_000; i++)
      recorder.record(subject, { type: 'Warning', reason: 'Failed', message: 'no address' })
    recorder.record(subject, { type: 'Normal', reason: 'Assigned', message: 'an address' })
    let isWritten = false
    void recorder.flush(Infinity).then(() => (isWritten = true))
    while (!isWritten) {
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(1)
    }
    const { items } = await client.list<KubeObject & { count: number; reason: string; message: string }>(EVENTS)
    expect(items.map(({ reason, count }) => [reason, count])).toEqual([
      ['Failed', 1_000],
      ['Assigned', 1],
    ])
    expect(recorder.dropped).toBe(0)
  })
})
