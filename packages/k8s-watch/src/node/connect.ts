import { existsSync, readFileSync } from 'node:fs'
import type { KubeTransport } from '../transport.ts'
import { httpTransport, tokenFile } from './http-transport.ts'

export interface Connected {
  readonly transport: KubeTransport
  /** The namespace that the configuration names; `default` otherwise. */
  readonly namespace: string
}

/** By a kubeconfig file, or, when that is empty, as the pod's service account. Rejects with a reason when neither is there. */
export async function connect(kubeconfig: string, userAgent: string): Promise<Connected> {
  return kubeconfig === '' ? inCluster(userAgent) : byKubeconfig(kubeconfig, userAgent)
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

function inCluster(userAgent: string): Connected {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (host === undefined || !existsSync(`${ACCOUNT}/token`)) {
    throw new Error('no kubeconfig was given, and this is no pod with a service account')
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const ca = readFileSync(`${ACCOUNT}/ca.crt`)
  return {
    transport: httpTransport({ server, ca, userAgent, ...tokenFile(`${ACCOUNT}/token`) }),
    namespace: readFileSync(`${ACCOUNT}/namespace`, 'utf8').trim(),
  }
}

async function byKubeconfig(path: string, userAgent: string): Promise<Connected> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromFile(path)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`${path} names no current cluster`)
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  // Nothing secret goes over plain HTTP: such a server gets no credentials.
  if (cluster.server.startsWith('http:'))
    return { transport: httpTransport({ server: cluster.server, userAgent }), namespace }
  const options: {
    ca?: string | Buffer
    cert?: string | Buffer
    key?: string | Buffer
    headers?: Record<string, string>
  } = {}
  await config.applyToHTTPSOptions(options as never)
  const { ca, cert, key } = options
  const authorization = async (): Promise<string | undefined> => {
    const fresh: { headers?: Record<string, string> } = {}
    await config.applyToHTTPSOptions(fresh as never)
    return fresh.headers?.['Authorization']
  }
  return {
    transport: httpTransport({
      server: cluster.server,
      userAgent,
      authorization,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(cluster.skipTLSVerify === true && { insecure: true }),
    }),
    namespace,
  }
}
