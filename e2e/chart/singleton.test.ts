import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type KubeClient, type KubeObject, type Resource } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { CHART, runHelm } from '@metallb-ts/tools/chart/helm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { helm, where } from './support.ts'

const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true }
const DAEMON_SETS = { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true }

/** The labels of MetalLB's chart, which are those of ours. */
const OF_A_CHART = {
  'helm.sh/chart': 'metallb-0.16.1',
  'app.kubernetes.io/instance': 'metallb',
  'app.kubernetes.io/component': 'controller',
}

describe.skipIf(!helm.ok)(`one installation a cluster (${where})`, () => {
  let server: FakeApiServer
  let client: KubeClient
  let folder: string

  beforeEach(async () => {
    server = await startFakeApiServer()
    client = createClient(httpTransport({ server: server.url }))
    folder = mkdtempSync(join(tmpdir(), 'chart-'))
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: server.url } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }
    writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(config))
  })

  afterEach(async () => {
    await client.transport.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  const exists = async (resource: Resource, name: string, labels: object): Promise<void> => {
    const namespace = 'metallb-system'
    await client.create<KubeObject>(resource, { metadata: { name, namespace, labels }, spec: {} } as never)
  }

  /** As an installation asks the cluster, without installing anything. */
  const install = (release: string, namespace: string): Promise<string> =>
    runHelm(
      ['template', release, CHART, `--namespace=${namespace}`, '--dry-run=server', `--kubeconfig=${folder}/kubeconfig`],
      {},
      { HOME: folder },
    )

  it.each([
    ['another', 'elsewhere'],
    ['another', 'metallb-system'],
    ['metallb', 'elsewhere'],
  ])('[row 109] %s in %s is refused where metallb is in metallb-system', async (release, namespace) => {
    await exists(DEPLOYMENTS, 'metallb-controller', OF_A_CHART)
    await expect(install(release, namespace)).rejects.toThrow('metallb in metallb-system is installed already')
  })

  it('[row 109] a release of MetalLB’s chart is the same release, and is upgraded', async () => {
    await exists(DEPLOYMENTS, 'metallb-controller', OF_A_CHART)
    expect(await install('metallb', 'metallb-system')).toContain('kind: DaemonSet')
  })

  it('[row 109] plain manifests are an installation, too', async () => {
    await exists(DAEMON_SETS, 'speaker', { app: 'metallb', component: 'speaker' })
    await expect(install('metallb', 'metallb-system')).rejects.toThrow('the manifests in metallb-system are installed')
  })

  it('[row 109] what only has the labels of a speaker is a stranger', async () => {
    await exists(DAEMON_SETS, 'loud', { 'helm.sh/chart': 'music-1', 'app.kubernetes.io/component': 'speaker' })
    expect(await install('metallb', 'metallb-system')).toContain('kind: DaemonSet')
  })
})
