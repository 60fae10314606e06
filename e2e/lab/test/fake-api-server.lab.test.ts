import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { issueCertificate } from '@metallb-ts/k8s-watch/webhook'
import { crds } from '@metallb-ts/api'
import { eventually } from '@metallb-ts/lab'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const binaries = findBinaries()
const HOUR = 3_600_000

describe.skipIf(!binaries.ok)(`kubectl and the fake API server (${binaries.ok ? 'here' : binaries.reason})`, () => {
  const kubectlPath = join(binaries.ok ? binaries.folder : '', 'kubectl')
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-'))
  let server: FakeApiServer

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(kubectlPath, ['--kubeconfig', join(folder, 'config'), ...args], {
      timeout: 30_000,
    })
    return stdout
  }

  beforeAll(async () => {
    const times = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR }
    server = await startFakeApiServer({ tls: await issueCertificate({ commonName: 'api', ...times }) })
    writeFileSync(join(folder, 'config'), server.kubeconfig)
    for (const crd of crds()) writeFileSync(join(folder, `${crd.metadata.name}.crd.json`), JSON.stringify(crd))
  })

  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true })
  })

  it('applies definitions and objects of them, and gets them', async () => {
    await kubectl(
      'apply',
      '--server-side',
      '--validate=false',
      ...crds().flatMap(({ metadata }) => ['-f', join(folder, `${metadata.name}.crd.json`)]),
    )
    const pool = {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      metadata: { name: 'first', namespace: 'metallb-system' },
      spec: { addresses: ['192.0.2.0/24', '2001:db8::/120'] },
    }
    const path = join(folder, 'pool.json')
    writeFileSync(path, JSON.stringify(pool))
    expect(await kubectl('apply', '--validate=false', '-f', path)).toContain('first created')
    expect(await kubectl('apply', '--validate=false', '-f', path)).toContain('first unchanged')
    writeFileSync(path, JSON.stringify({ ...pool, spec: { ...pool.spec, autoAssign: false } }))
    expect(await kubectl('apply', '--validate=false', '-f', path)).toContain('first configured')
    const got = JSON.parse(await kubectl('-n', 'metallb-system', 'get', 'ipaddresspools', 'first', '-o', 'json')) as {
      spec: object
    }
    expect(got.spec).toEqual({ addresses: ['192.0.2.0/24', '2001:db8::/120'], autoAssign: false, avoidBuggyIPs: false })
  })

  it('watches', async () => {
    const watch = spawn(kubectlPath, [
      '--kubeconfig',
      join(folder, 'config'),
      'get',
      'configmaps',
      '--watch',
      '-o',
      'name',
    ])
    let seen = ''
    watch.stdout.on('data', (data: Buffer) => (seen += data.toString()))
    try {
      const path = join(folder, 'one.json')
      writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } }))
      await kubectl('create', '--validate=false', '-f', path)
      await eventually('kubectl to see it', () => seen.includes('configmap/one'))
      await kubectl('delete', 'configmap', 'one')
    } finally {
      watch.kill()
    }
  })

  it('a list of a hundred objects is created', async () => {
    const path = join(folder, 'many.json')
    const items = Array.from({ length: 100 }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `many-${i}`, namespace: 'default' },
    }))
    writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    await kubectl('create', '--validate=false', '-f', path)
    expect((await kubectl('get', 'configmaps', '-o', 'name')).match(/many-/g)).toHaveLength(100)
  })
})
