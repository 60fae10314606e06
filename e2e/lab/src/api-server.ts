import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient, type KubeClient } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { findBinaries, startControlPlane } from '@metallb-ts/tools/envtest'
import { HOSTS, LAN } from './addresses.ts'
import { start } from './shell.ts'
import type { Namespaces } from './topology.ts'

export type ApiKind = 'embedded' | 'real'

/** The API server of a lab: reached by its namespaces over the LAN, and by this process over a Unix socket. */
export interface LabApi {
  readonly kind: ApiKind
  readonly client: KubeClient
  /** Path of a kubeconfig for processes on the LAN. */
  readonly kubeconfig: string
  /** What a pod finds in its service account's files; undefined for the embedded server, which asks nobody who he is. */
  readonly account: Account | undefined
  /** Folder of kubectl and kube-proxy; empty for the embedded server. */
  readonly binaries: string
  stop(): Promise<void>
}

/** The API server as the service account of a pod knows it. */
export interface Account {
  readonly server: string
  readonly caFile: string
  readonly token: string
}

export const PROGRAM_FLAGS: readonly string[] = ['--conditions=development', '--disable-warning=ExperimentalWarning']

export function programPath(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
}

export async function startApi(kind: ApiKind, spaces: Namespaces, folder: string): Promise<LabApi> {
  const address = LAN.ipv4(HOSTS.control)
  const socketPath = join(folder, 'api.sock')
  mkdirSync(folder, { recursive: true })
  const server = kind === 'real' ? await startReal(spaces, address) : startEmbedded(spaces, address, folder)
  const relay = start(spaces.control, process.execPath, [
    ...PROGRAM_FLAGS,
    programPath('relay'),
    socketPath,
    address,
    '6443',
  ])
  const transport = httpTransport({ server: server.url, socketPath, ...server.credentials })
  const client = createClient(transport)
  await answers(client)
  return {
    kind,
    client,
    kubeconfig: server.kubeconfig,
    account: server.account,
    binaries: server.binaries,
    stop: async () => {
      await transport.close()
      relay.kill('SIGKILL')
      await server.stop()
    },
  }
}

interface Server {
  readonly url: string
  readonly kubeconfig: string
  readonly account?: Account
  readonly binaries: string
  readonly credentials: { readonly tls?: { readonly ca: Buffer }; readonly authorization?: () => string }
  stop(): Promise<void>
}

async function startReal({ control }: Namespaces, address: string): Promise<Server> {
  const binaries = findBinaries()
  if (!binaries.ok) throw new Error(binaries.reason)
  const plane = await startControlPlane({ binaries: binaries.folder, namespace: control, address })
  return {
    url: plane.url,
    kubeconfig: plane.kubeconfig,
    account: { server: plane.url, caFile: plane.caFile, token: plane.adminToken },
    binaries: binaries.folder,
    credentials: { tls: { ca: readFileSync(plane.caFile) }, authorization: () => `Bearer ${plane.adminToken}` },
    stop: () => plane.stop(),
  }
}

function startEmbedded({ control }: Namespaces, address: string, folder: string): Server {
  const child = start(control, process.execPath, [...PROGRAM_FLAGS, programPath('fake-api'), address, '6443'])
  const url = `http://${address}:6443`
  const kubeconfig = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: url } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  return {
    url,
    kubeconfig,
    binaries: '',
    credentials: {},
    stop: async () => {
      child.kill('SIGKILL')
    },
  }
}

async function answers(client: KubeClient): Promise<void> {
  for (let i = 0; i < READY_TRIES; i++) {
    const response = await client.transport.request({ method: 'GET', path: '/readyz' }).catch(() => undefined)
    await response?.text()
    if (response?.status === 200) return
    await new Promise(resolve => setTimeout(resolve, READY_PAUSE_MS))
  }
  throw new Error('the API server does not answer')
}

const READY_TRIES = 200
const READY_PAUSE_MS = 50
