import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { KeyPair } from '../node/webhook/certificate.ts'
import { ApiCore } from './api-core.ts'
import type { FakeFaultEffect, Faults } from './faults.ts'
import { HttpFace } from './http-face.ts'
import { openJournal } from './journal.ts'
import { kindsOfRelease } from './kinds.ts'
import { ObjectStore } from './object-store.ts'
import type { FakeUser } from './rbac.ts'

export interface FakeApiServerInit {
  /** @default 127.0.0.1 */
  readonly host?: string
  /** 0 picks a free one. @default 0 */
  readonly port?: number
  /** Between bookmarks of a watch that asked for them, in milliseconds. @default 1000 */
  readonly bookmarkMs?: number
  /** Changes that a watch may resume from; older ones are 410. @default 10000 */
  readonly historyLimit?: number
  /** Speaks HTTPS, HTTP/2 included, with this certificate. @default plain HTTP/1.1 */
  readonly tls?: KeyPair
  /** Who may do what. @default everybody everything */
  readonly users?: readonly FakeUser[]
  /** Lists may come as the first part of a watch. @default true */
  readonly streamsLists?: boolean
  /** The minor release of Kubernetes 1 whose resources are served. @default the newest */
  readonly release?: number
  /** Keeps what is written in this folder, over restarts. @default memory only */
  readonly folder?: string
  /** Serves these objects: another server's, that was stopped, say. @default none, or those of the folder */
  readonly store?: ObjectStore
}

/** An API server in this process: lists, watches and writes as the real one's clients see them. */
export interface FakeApiServer {
  readonly url: string
  /** The text of a kubeconfig that leads here; with users, of the first. */
  readonly kubeconfig: string
  /** Objects and rules without HTTP, for a test to look at. */
  readonly core: ApiCore
  readonly faults: Faults<FakeFaultEffect>
  /** Requests so far, watches included: `GET /api/v1/services`. */
  readonly requests: readonly string[]
  /** Watches that are open now. */
  readonly watches: number
  /** Connections that clients opened so far. */
  readonly connections: number
  /** Ends every watch, as a server that restarts. */
  cutWatches(): void
  /** Accepts, and says nothing any more: a process that is stopped, a path that swallows. */
  setSilent(isSilent: boolean): void
  stop(): Promise<void>
}

export async function startFakeApiServer(init: FakeApiServerInit = {}): Promise<FakeApiServer> {
  const { host = '127.0.0.1', port = 0, tls, users = [], folder, historyLimit, release = NEWEST } = init
  const journal = folder === undefined ? {} : { journal: openJournal(folder) }
  const store = init.store ?? new ObjectStore({ ...(historyLimit !== undefined && { historyLimit }), ...journal })
  const core = new ApiCore(store, kindsOfRelease(release))
  const { bookmarkMs = DEFAULT_BOOKMARK_MS, streamsLists = true } = init
  const face = new HttpFace(core, { bookmarkMs, users, streamsLists })
  const handle = (request: unknown, response: unknown): void =>
    void face.handle(request as Parameters<HttpFace['handle']>[0], response as Parameters<HttpFace['handle']>[1])
  const server: Server =
    tls === undefined
      ? Object.assign(createServer(handle), { requestTimeout: 0, keepAliveTimeout: IDLE_MS })
      : createSecureServer({ ...tls, allowHTTP1: true }, handle)
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await listening(server, port, host)
  const authority = `${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  const url = `${tls === undefined ? 'http' : 'https'}://${authority}`
  return {
    url,
    kubeconfig: kubeconfigFor(url, users[0]),
    core,
    faults: face.faults,
    requests: face.requests,
    get watches() {
      return face.watches
    },
    get connections() {
      return connections
    },
    cutWatches: () => face.cutWatches(),
    setSilent: isSilent => face.setSilent(isSilent),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const DEFAULT_BOOKMARK_MS = 1_000
const NEWEST = 36
const IDLE_MS = 90_000 // as the real one; at Node's five seconds a busy client writes into a connection that closes
const ANYBODY = 'anybody' // kubectl asks its user for a name when it is given no credentials

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}

function kubeconfigFor(server: string, user: FakeUser | undefined): string {
  return `${JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server, ...(server.startsWith('https') && { 'insecure-skip-tls-verify': true }) } },
    ],
    users: [{ name: 'u', user: { token: user?.token ?? ANYBODY } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  })}\n`
}
