import { existsSync, readFileSync } from 'node:fs'
import type { KubeConfig } from '@kubernetes/client-node'
import type { KubeTransport } from '../transport.ts'
import type { TlsMaterial } from './agents.ts'
import { connectFailure } from './connect-problem.ts'
import { httpTransport, tlsFiles, tokenFile, type HttpTransportInit } from './http-transport.ts'

export interface Connected {
  readonly transport: KubeTransport
  /** The namespace that the configuration names; `default` otherwise. */
  readonly namespace: string
}

/**
 * By a kubeconfig file, or, when that is empty, as the pod's service account. Rejects with a `Failure` that carries a
 * ConnectProblem when neither is there, or the file asks for what is not spoken.
 */
export async function connect(kubeconfig: string, userAgent: string): Promise<Connected> {
  return kubeconfig === '' ? inCluster(userAgent) : byKubeconfig(kubeconfig, userAgent)
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

function inCluster(userAgent: string): Connected {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (host === undefined || !existsSync(`${ACCOUNT}/token`)) {
    throw connectFailure({ code: 'no-service-account' })
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const tls = tlsFiles({ ca: `${ACCOUNT}/ca.crt` })
  return {
    transport: httpTransport({ server, tls, userAgent, ...tokenFile(`${ACCOUNT}/token`) }),
    namespace: readFileSync(`${ACCOUNT}/namespace`, 'utf8').trim(),
  }
}

async function byKubeconfig(path: string, userAgent: string): Promise<Connected> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromFile(path)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw connectFailure({ code: 'no-current-cluster', kubeconfig: path })
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  const { server, proxyUrl: proxy, skipTLSVerify, tlsServerName: serverName } = cluster
  const scheme = proxy === undefined ? undefined : URL.parse(proxy)?.protocol
  if (proxy !== undefined && !PROXY_SCHEMES.includes(scheme ?? ''))
    throw connectFailure({ code: 'proxy-not-supported', kubeconfig: path, scheme: scheme ?? proxy })
  const common = { server, userAgent, ...(proxy !== undefined && { proxy }) }
  // Nothing secret goes over plain HTTP: such a server gets no credentials.
  if (server.startsWith('http:')) return { transport: httpTransport(common), namespace }
  return {
    transport: httpTransport({
      ...common,
      ...kubeconfigCredentials(config),
      ...(skipTLSVerify === true && { insecure: true }),
      ...(serverName !== undefined && { serverName }),
    }),
    namespace,
  }
}

const PROXY_SCHEMES: readonly string[] = ['http:', 'https:', 'socks5:', 'socks5h:']

/** Files and plug-ins are asked again after a minute, and when the server refused what they gave. */
function kubeconfigCredentials(
  config: KubeConfig,
): Pick<HttpTransportInit, 'tls' | 'authorization' | 'onUnauthorized'> {
  let held: { readonly at: number; readonly options: Promise<HttpsOptions> } | undefined
  const options = (): Promise<HttpsOptions> => {
    if (held === undefined || performance.now() - held.at > CREDENTIALS_MS) {
      const fresh: HttpsOptions = {}
      const filled = config.applyToHTTPSOptions(fresh as never).then(() => fresh)
      held = { at: performance.now(), options: filled }
      filled.catch(() => (held = undefined))
    }
    return held.options
  }
  return {
    tls: async () => {
      const { ca, cert, key } = await options()
      return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }
    },
    authorization: async () => {
      const { auth, headers } = await options()
      return auth === undefined ? headers?.['Authorization'] : `Basic ${Buffer.from(auth).toString('base64')}`
    },
    onUnauthorized: () => {
      held = undefined
    },
  }
}

interface HttpsOptions extends TlsMaterial {
  readonly auth?: string
  readonly headers?: Readonly<Record<string, string>>
}

const CREDENTIALS_MS = 60_000
