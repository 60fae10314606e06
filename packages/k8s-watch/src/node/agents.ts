import { createHash } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { Agent, ProxyAgent, Socks5ProxyAgent, type Dispatcher } from 'undici'

/** Who the server must be, and who we are to it; PEM. */
export interface TlsMaterial {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

export interface AgentsInit {
  readonly insecure?: boolean
  readonly socketPath?: string
  readonly proxy?: string
  readonly lookup?: LookupFunction
  readonly serverName?: string
}

/** The connection pool in use. Another takes its place when certificates change or a connection fell silent; what runs on the old one may end. */
export class Agents {
  readonly #init: AgentsInit
  readonly #retired = new Set<Dispatcher>()
  #current: { readonly agent: Dispatcher; readonly fingerprint: string; material: TlsMaterial } | undefined
  /** Pools made so far. */
  made = 0

  constructor(init: AgentsInit) {
    this.#init = init
  }

  for(material: TlsMaterial): Dispatcher {
    if (this.#current?.material === material) return this.#current.agent
    const fingerprint = fingerprintOf(material)
    if (this.#current?.fingerprint === fingerprint) {
      this.#current.material = material
      return this.#current.agent
    }
    this.#retire()
    this.made++
    const agent = this.#make(material)
    this.#current = { agent, fingerprint, material }
    return agent
  }

  /** This one's connections are not used again. */
  distrust(agent: Dispatcher): void {
    if (this.#current?.agent === agent) this.#retire()
  }

  async destroy(): Promise<void> {
    this.#retire()
    await Promise.all([...this.#retired].map(agent => agent.destroy()))
  }

  #retire(): void {
    const agent = this.#current?.agent
    if (agent === undefined) return
    this.#current = undefined
    this.#retired.add(agent)
    const forget = (): void => void this.#retired.delete(agent)
    agent.close().then(forget, forget)
  }

  #make({ ca, cert, key }: TlsMaterial): Dispatcher {
    const { insecure, socketPath, proxy, lookup, serverName } = this.#init
    const tls = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(insecure === true && { rejectUnauthorized: false }),
      ...(serverName !== undefined && { servername: serverName }),
    }
    const options = { allowH2: true, connections: MAX_CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 }
    if (proxy?.startsWith('socks5') === true) {
      // Names are the proxy's to look up, with either scheme, as Go's HTTP has it. HTTP/1.1: a watch holds its connection.
      const requestTls = { timeout: CONNECT_TIMEOUT_MS, ...tls }
      return new Socks5ProxyAgent(proxy.replace(/^socks5h:/, 'socks5:'), {
        headersTimeout: 0,
        bodyTimeout: 0,
        requestTls,
      })
    }
    if (proxy !== undefined)
      return new ProxyAgent({ ...options, uri: proxy, requestTls: { timeout: CONNECT_TIMEOUT_MS, ...tls } })
    return new Agent({
      ...options,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: 15_000,
        ...(socketPath !== undefined && { socketPath }),
        ...(lookup !== undefined && { lookup }),
        ...tls,
      },
    })
  }
}

const MAX_CONNECTIONS = 32 // only HTTP/1.1 needs more than one: a watch holds its connection
const CONNECT_TIMEOUT_MS = 10_000

function fingerprintOf({ ca, cert, key }: TlsMaterial): string {
  const hash = createHash('sha256')
  for (const part of [ca, cert, key]) hash.update(part ?? '').update('\0')
  return hash.digest('base64')
}
