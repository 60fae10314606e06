import { createServer, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { KubeTransport } from '../src/index.ts'
import { connect as connectTo, httpTransport, tlsFiles, type HttpTransportInit } from '../src/node/index.ts'
import { issueCertificate, type KeyPair } from '../src/node/webhook/index.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const HOUR = 3_600_000

function authority(commonName = 'ca'): Promise<KeyPair> {
  return issueCertificate({ commonName, notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR })
}

function issued(
  issuer: KeyPair,
  init: { readonly commonName: string; readonly usage?: 'server' | 'client' },
): Promise<KeyPair> {
  const names = ['localhost', '127.0.0.1', '::1']
  return issueCertificate({ ...init, issuer, names, notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR })
}

function transportTo(init: HttpTransportInit): KubeTransport {
  const transport = httpTransport(init)
  cleanups.push(() => transport.close())
  return transport
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'connections-'))
  cleanups.push(() => rmSync(path, { recursive: true }))
  return path
}

async function listening<S extends Server | Http2SecureServer | ReturnType<typeof createTcpServer>>(
  server: S,
  host = '127.0.0.1',
  port = 0,
): Promise<number> {
  await new Promise<void>(resolve => void (server as Server).listen(port, host, resolve))
  cleanups.push(() => {
    ;(server as Partial<Server>).closeAllConnections?.()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function get(transport: KubeTransport, idleMs = 5_000): Promise<string> {
  const response = await transport.request({ method: 'GET', path: '/', idleMs })
  return response.text()
}

describe('connections', () => {
  it('[K-02] the name of the server is looked up anew for a new connection', async () => {
    const first = createServer((_, response) => void response.end('first'))
    const port = await listening(first, '127.0.0.1')
    await listening(
      createServer((_, response) => void response.end('second')),
      '127.0.0.2',
      port,
    )
    let address = '127.0.0.1'
    const transport = transportTo({
      server: `http://api.test:${port}`,
      lookup: (_host, _options, found) => found(null, [{ address, family: 4 }]),
    })
    expect(await get(transport)).toBe('first')
    address = '127.0.0.2'
    first.closeAllConnections()
    first.close()
    const answers = [await get(transport).catch(() => 'broken'), await get(transport)]
    expect(answers.at(-1)).toBe('second')
  })

  it('[K-21] what came compressed is read as it comes, event by event', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.write(gzipSync('{"one":1}\n'))
      setTimeout(() => response.end(gzipSync('{"two":2}\n')), 50)
    })
    const transport = transportTo({ server: `http://127.0.0.1:${await listening(server)}` })
    const lines: string[] = []
    for await (const some of (await transport.request({ method: 'GET', path: '/' })).lines()) lines.push(...some)
    expect(lines).toEqual(['{"one":1}', '{"two":2}'])
  })

  it('[K-37] a connection that fell silent is not used again, although other requests share it', async () => {
    const ca = await authority()
    const { cert, key } = await issued(ca, { commonName: 'server' })
    const server = createSecureServer({ cert, key }, (_, response) => void response.end('alive'))
    const behind = await listening(server)
    // A path that swallows everything, from some moment on: no reset, no end.
    const frozen = new Set<Socket>()
    const sockets = new Set<Socket>()
    const path = createTcpServer(socket => {
      const onward = connect(behind, '127.0.0.1')
      sockets.add(socket)
      socket.on('data', data => void (frozen.has(socket) || onward.write(data)))
      onward.on('data', data => void (frozen.has(socket) || socket.write(data)))
      for (const end of [socket, onward]) end.on('error', () => {})
      cleanups.push(() => (socket.destroy(), onward.destroy()))
    })
    const port = await listening(path)
    const transport = transportTo({ server: `https://localhost:${port}`, tls: { ca: ca.cert } })
    expect(await get(transport)).toBe('alive')
    for (const socket of sockets) frozen.add(socket)
    const lost = await Promise.allSettled([get(transport, 1_000), get(transport, 1_000)])
    expect(lost.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await get(transport)).toBe('alive')
    expect(sockets.size).toBe(2)
  })

  it('[K-38] GOAWAY: what runs goes on, what is new goes elsewhere', async () => {
    const ca = await authority()
    const { cert, key } = await issued(ca, { commonName: 'server' })
    const sessions: ServerHttp2Session[] = []
    const server = createSecureServer({ cert, key })
    server.on('session', session => sessions.push(session))
    let finish = (): void => {}
    server.on('request', (request, response) => {
      if (request.url !== '/watch') return void response.end('ok')
      response.write('{"one":1}\n')
      finish = () => void response.end('{"two":2}\n')
    })
    const transport = transportTo({ server: `https://localhost:${await listening(server)}`, tls: { ca: ca.cert } })
    const watch = await transport.request({ method: 'GET', path: '/watch' })
    const lines = watch.lines()[Symbol.asyncIterator]()
    expect((await lines.next()).value).toEqual(['{"one":1}'])
    sessions[0]!.goaway(0)
    await new Promise(resolve => setTimeout(resolve, 50))
    const after = [await get(transport).catch(() => 'broken'), await get(transport)]
    expect(after.at(-1)).toBe('ok')
    expect(sessions).toHaveLength(2)
    finish()
    expect((await lines.next()).value).toEqual(['{"two":2}'])
  })

  it('[K-45] another authority and another certificate of ours: no restart, and running watches go on', async () => {
    const old = { ca: await authority('old'), user: await authority('old users') }
    const renewed = { ca: await authority('renewed'), user: await authority('renewed users') }
    const secured = async ({ ca, user }: typeof old, commonName: string): Promise<Record<string, string>> => {
      const { cert, key } = await issued(ca, { commonName })
      return { cert, key, ca: user.cert }
    }
    const files = folder()
    const write = async ({ ca, user }: typeof old, commonName: string): Promise<void> => {
      const { cert, key } = await issued(user, { commonName, usage: 'client' })
      for (const [name, text] of Object.entries({ ca: ca.cert, cert, key })) writeFileSync(join(files, name), text)
    }
    let finish = (): void => {}
    const server = createHttpsServer({ ...(await secured(old, 's1')), requestCert: true, rejectUnauthorized: true })
    server.on('request', (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate()
      if (request.url !== '/watch') return void response.end(subject.CN)
      response.write('{"one":1}\n')
      finish = () => void response.end('{"two":2}\n')
    })
    const port = await listening(server)
    await write(old, 'before')
    let now = 0
    const paths = { ca: join(files, 'ca'), cert: join(files, 'cert'), key: join(files, 'key') }
    const transport = transportTo({ server: `https://localhost:${port}`, tls: tlsFiles(paths, () => now) })
    const lines = (await transport.request({ method: 'GET', path: '/watch' })).lines()[Symbol.asyncIterator]()
    await lines.next()
    expect(await get(transport)).toBe('before')

    server.setSecureContext({ ...(await secured(renewed, 's2')) })
    await write(renewed, 'after')
    now += 61_000
    expect(await get(transport)).toBe('after')
    finish()
    expect((await lines.next()).value).toEqual(['{"two":2}'])
  })
})

describe('a kubeconfig', () => {
  async function kubeconfig(cluster: object, user: object): Promise<string> {
    const path = join(folder(), 'config')
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'here' } }],
      'current-context': 'c',
    }
    writeFileSync(path, JSON.stringify(config))
    return path
  }

  async function echoingServer(ca: KeyPair, users?: KeyPair): Promise<string> {
    const { cert, key } = await issued(ca, { commonName: 'server' })
    const server = createHttpsServer({ cert, key, ...(users && { ca: users.cert, requestCert: true }) })
    server.on('request', (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate()
      response.end(`${request.headers.authorization ?? ''}|${subject?.CN ?? ''}`)
    })
    return `https://localhost:${await listening(server)}`
  }

  const base64 = (text: string): string => Buffer.from(text).toString('base64')

  it('with a certificate', async () => {
    const [ca, users] = [await authority(), await authority('users')]
    const { cert, key } = await issued(users, { commonName: 'alice', usage: 'client' })
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }
    const server = await echoingServer(ca, users)
    const path = await kubeconfig({ server, 'certificate-authority-data': base64(ca.cert) }, user)
    const { transport, namespace } = await connectTo(path, 'test')
    cleanups.push(() => transport.close())
    expect(namespace).toBe('here')
    expect(await get(transport)).toBe('|alice')
  })

  it('[K-06] with a plug-in, asked again when the server refuses what it gave', async () => {
    const ca = await authority()
    const { cert, key } = await issued(ca, { commonName: 'server' })
    const at = folder()
    const server = createHttpsServer({ cert, key }, (request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer second' ? 200 : 401
      response.end('{}')
    })
    const plugin = join(at, 'plugin')
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s","expirationTimestamp":"2001-01-01T00:00:00Z"}}'
    const script = `#!/bin/sh\nt=second; [ -e ${at}/ran ] || t=first\ntouch ${at}/ran\nprintf '${credential}' $t\n`
    writeFileSync(plugin, script, { mode: 0o755 })
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' }
    const url = `https://localhost:${await listening(server)}`
    const path = await kubeconfig({ server: url, 'certificate-authority-data': base64(ca.cert) }, { exec })
    const { transport } = await connectTo(path, 'test')
    cleanups.push(() => transport.close())
    expect((await transport.request({ method: 'GET', path: '/' })).status).toBe(200)
  })

  it('through a proxy', async () => {
    const ca = await authority()
    const asked: string[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url!)
      const onward = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connected\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      for (const end of [socket, onward]) end.on('error', () => {})
      cleanups.push(() => (socket.destroy(), onward.destroy()))
    })
    const proxyUrl = `http://127.0.0.1:${await listening(proxy)}`
    const server = await echoingServer(ca)
    const cluster = { server, 'certificate-authority-data': base64(ca.cert), 'proxy-url': proxyUrl }
    const { transport } = await connectTo(await kubeconfig(cluster, { token: 'secret' }), 'test')
    cleanups.push(() => transport.close())
    expect(await get(transport)).toBe('Bearer secret|')
    expect(asked).toEqual([server.replace('https://', '')])
  })

  it.each(['socks5://', 'socks5h://', 'socks5://alice:secret@'])('through a SOCKS proxy: %s', async scheme => {
    const ca = await authority()
    const asked: string[] = []
    const proxyUrl = `${scheme}127.0.0.1:${await listening(socksProxy(asked))}`
    const server = await echoingServer(ca)
    const cluster = { server, 'certificate-authority-data': base64(ca.cert), 'proxy-url': proxyUrl }
    const { transport } = await connectTo(await kubeconfig(cluster, { token: 'secret' }), 'test')
    cleanups.push(() => transport.close())
    expect(await get(transport)).toBe('Bearer secret|')
    const host = server.replace('https://', '')
    expect(asked).toEqual(scheme.includes('@') ? ['alice:secret', host] : [host])
  })

  it('a server behind a SOCKS proxy must bear its name, as any other', async () => {
    const proxyUrl = `socks5://127.0.0.1:${await listening(socksProxy([]))}`
    const server = await echoingServer(await authority())
    const cluster = {
      server,
      'certificate-authority-data': base64((await authority('other')).cert),
      'proxy-url': proxyUrl,
    }
    const { transport } = await connectTo(await kubeconfig(cluster, { token: 'secret' }), 'test')
    cleanups.push(() => transport.close())
    await expect(get(transport)).rejects.toThrow(/self.signed|unable to verify/)
  })

  it.each(['socks4://127.0.0.1:1080', 'ftp://127.0.0.1', 'nonsense'])('not through %s, and says so', async proxyUrl => {
    const path = await kubeconfig({ server: 'https://localhost', 'proxy-url': proxyUrl }, { token: 'secret' })
    const problem = { code: 'proxy-not-supported', kubeconfig: path, scheme: URL.parse(proxyUrl)?.protocol ?? proxyUrl }
    await expect(connectTo(path, 'test')).rejects.toMatchObject({ problem })
  })

  /** A SOCKS5 proxy (RFC 1928) for names, with or without a password (RFC 1929). Tells who asked, and for what. */
  function socksProxy(asked: string[]): ReturnType<typeof createTcpServer> {
    return createTcpServer(socket => {
      socket.on('error', () => {})
      cleanups.push(() => socket.destroy())
      const answers = [greeted, authenticated, connected]
      socket.on('data', (bytes: Buffer) => answers.shift()?.(bytes))
      function greeted(bytes: Buffer): void {
        const hasPassword = bytes.subarray(2).includes(2)
        if (!hasPassword) answers.shift()
        socket.write(Buffer.of(5, hasPassword ? 2 : 0))
      }
      function authenticated(bytes: Buffer): void {
        const name = bytes.subarray(2, 2 + bytes[1]!)
        asked.push(`${name.toString()}:${bytes.subarray(3 + name.length).toString()}`)
        socket.write(Buffer.of(1, 0))
      }
      function connected(bytes: Buffer): void {
        const name = bytes.subarray(5, 5 + bytes[4]!).toString()
        const port = bytes.readUInt16BE(bytes.length - 2)
        asked.push(`${name}:${port}`)
        const onward = connect(port, '127.0.0.1', () => {
          socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
          socket.pipe(onward).pipe(socket)
        })
        onward.on('error', () => {})
        cleanups.push(() => onward.destroy())
      }
    })
  }
})
