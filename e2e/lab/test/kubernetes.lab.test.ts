import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventBus } from '@metallb-ts/event-bus'
import {
  CONFIG_MAPS,
  createClient,
  createInformer,
  createLeader,
  NAMESPACES,
  type Informer,
  type KubeClient,
  type KubeEvents,
  type KubeTransport,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport, serveMetrics, type TlsMaterial } from '@metallb-ts/k8s-watch/node'
import { CONTRACT, ORDEALS, OrdealScene } from '@metallb-ts/k8s-watch/testing'
import { issueCertificate } from '@metallb-ts/k8s-watch/webhook'
import { eventually } from '@metallb-ts/lab'
import { PROCESS_OPTIONS, readOptions, type ProcessOptions } from '@metallb-ts/runtime'
import { REAL_CLOCK, realRandom, type HealthServer } from '@metallb-ts/runtime/node'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const binaries = findBinaries()

const USERS = ['prometheus', 'stranger'].map(name => ({ token: `${name}-token`, name, groups: [] }))

/** Connections of this process to a port of this machine. */
function connectionsTo(port: string): number {
  const lines = execFileSync('ss', ['-tnHp', 'state', 'established', `dport = :${port}`], { encoding: 'utf8' })
  return lines.split('\n').filter(line => line.includes(`pid=${process.pid},`)).length
}

describe.skipIf(!binaries.ok)(`a real API server (${binaries.ok ? 'here' : binaries.reason})`, () => {
  let plane: ControlPlane
  let client: KubeClient

  beforeAll(async () => {
    plane = await startControlPlane({
      binaries: binaries.ok ? binaries.folder : '',
      controllerManager: false,
      users: USERS,
    })
    client = createClient(connected())
  })

  afterAll(async () => {
    await client?.transport.close()
    await plane?.stop()
  })

  function connected(): KubeTransport {
    const authorization = (): string => `Bearer ${plane.adminToken}`
    return httpTransport({ server: plane.url, tls: { ca: readFileSync(plane.caFile) }, authorization })
  }

  /** Its watch cache begins anew. */
  async function restarted(): Promise<void> {
    plane.signal('kube-apiserver', 'SIGKILL')
    await plane.restartApiServer()
  }

  it.each(CONTRACT.map((contract, i) => [contract.name, contract, i] as const))(
    'keeps the contract: %s',
    async (_, { check }, i) => {
      const namespace = `contract-${i}`
      await client.create(NAMESPACES, { metadata: { name: namespace } })
      await check({ client, namespace, forget: restarted })
    },
  )

  it.concurrent.each(ORDEALS.map((ordeal, i) => [ordeal.id, ordeal.name, ordeal, i] as const))(
    '[%s] a store before it survives %s',
    async (_id, _name, { endure }, i) => {
      const namespace = `ordeal-${i}`
      await client.create(NAMESPACES, { metadata: { name: namespace } })
      const authorization = `Bearer ${plane.adminToken}`
      const scene = await OrdealScene.open({
        upstream: plane.url,
        ca: readFileSync(plane.caFile),
        authorization,
        client,
        namespace,
      })
      try {
        await endure(scene)
      } finally {
        await scene.close()
      }
    },
  )

  describe('a store of it', () => {
    let transport: KubeTransport
    let informer: Informer<string>
    let told: string[]
    let states: string[]
    let count = 0
    let namespace: string

    const create = (name: string): Promise<unknown> => client.create(CONFIG_MAPS, { metadata: { name, namespace } })
    const names = (): string[] => informer.list().slice().sort()
    const shows = (...expected: string[]): Promise<unknown> =>
      eventually(`the store to show ${expected.join(', ')}`, () => names().join() === expected.join() || undefined)

    beforeEach(async () => {
      namespace = `store-${count++}`
      await client.create(NAMESPACES, { metadata: { name: namespace } })
      ;[told, states, transport] = [[], [], connected()]
      const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
      events.subscribe('kube:changed', ({ detail }) => void told.push(`${detail.change} ${detail.key.split('/')[1]}`))
      events.subscribe('kube:watch-lost', () => void states.push('lost'))
      events.subscribe('kube:watch-resumed', () => void states.push('resumed'))
      informer = createInformer(
        { transport, clock: REAL_CLOCK, random: realRandom(), events },
        { resource: CONFIG_MAPS, namespace, project: ({ metadata }) => metadata.name, idleMs: 8_000 },
      )
      informer.start()
    })

    afterEach(async () => {
      informer.stop()
      await transport.close()
    })

    it('[K-39] [K-01] the API server is killed, changes behind its back are none, and after its return nothing is missed or told twice', async () => {
      await create('a')
      await shows('a')
      plane.signal('kube-apiserver', 'SIGKILL')
      await eventually('the loss to be noticed', () => states.includes('lost') || undefined)
      expect(names()).toEqual(['a'])
      await sleep(1_000)
      await plane.restartApiServer()
      await eventually('the server to take writes', () =>
        create('b').then(
          () => true,
          () => undefined,
        ),
      )
      await shows('a', 'b')
      expect(told).toEqual(['applied a', 'applied b'])
      await eventually('the recovery to be told', () => states.at(-1) === 'resumed' || undefined)
    })

    it('[K-36] [K-44] the API server is stopped in mid-air: silence is noticed, and what it says later is not lost', async () => {
      await create('a')
      await shows('a')
      plane.signal('kube-apiserver', 'SIGSTOP')
      await eventually('the silence to be noticed', () => states.includes('lost') || undefined)
      plane.signal('kube-apiserver', 'SIGCONT')
      await eventually('the server to take writes', () =>
        create('b').then(
          () => true,
          () => undefined,
        ),
      )
      await shows('a', 'b')
      expect(told).toEqual(['applied a', 'applied b'])
    })

    it('[K-50] many stores share one connection', async () => {
      await create('a')
      await shows('a')
      const port = new URL(plane.url).port
      const before = connectionsTo(port)
      const shared = connected()
      const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
      const seams = { transport: shared, clock: REAL_CLOCK, random: realRandom(), events }
      const stores = Array.from({ length: 12 }, () => createInformer(seams, { resource: CONFIG_MAPS, namespace }))
      for (const store of stores) store.start()
      await eventually('all to be read', () => stores.every(({ size }) => size === 1) || undefined)
      expect(connectionsTo(port) - before).toBe(1)
      for (const store of stores) store.stop()
      await shared.close()
    })
  })

  describe('metrics over HTTPS', () => {
    const rbac = (plural: string, kind: string): Resource => ({
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      plural,
      kind,
      namespaced: false,
    })
    const metrics = { contentType: 'text/plain', page: () => Promise.resolve('metallb_one 1\n') }
    let served: HealthServer

    async function scrape(options: Partial<ProcessOptions>, token?: string, tls?: TlsMaterial): Promise<string> {
      const defaults = readOptions(PROCESS_OPTIONS, [], {})
      if (!defaults.ok) throw new Error(defaults.error.sentence)
      const port = 29_120 + Math.floor(Math.random() * 1_000)
      const parts = { metrics, client, clock: REAL_CLOCK, onTrouble: (sentence: string) => expect.fail(sentence) }
      served = (await serveMetrics({ ...defaults.value, metricsPort: port, ...options }, parts))!
      const authorization = (): string | undefined => (token === undefined ? undefined : `Bearer ${token}`)
      const server = `https://localhost:${served.port}`
      const reader = httpTransport({ server, authorization, ...(tls === undefined ? { insecure: true } : { tls }) })
      try {
        const response = await reader.request({ method: 'GET', path: '/metrics' })
        return `${response.status} ${(await response.text()).trim()}`
      } finally {
        await reader.close()
        await served.stop()
      }
    }

    it('[row 99] whom the API server lets read them reads them; others do not', async () => {
      const rules = [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]
      await client.create(rbac('clusterroles', 'ClusterRole'), { metadata: { name: 'reads-metrics' }, rules } as never)
      await client.create(rbac('clusterrolebindings', 'ClusterRoleBinding'), {
        metadata: { name: 'reads-metrics' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reads-metrics' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'prometheus' }],
      } as never)
      await eventually('the binding to count', async () => (await scrape({}, 'prometheus-token')).startsWith('200'))
      expect(await scrape({}, 'prometheus-token')).toBe('200 metallb_one 1')
      expect(await scrape({}, 'stranger-token')).toBe('403 Forbidden')
      expect(await scrape({}, 'nobody-knows-this')).toBe('401 Unauthorized')
      expect(await scrape({})).toBe('401 Unauthorized')
    })

    it('[row 99] with a certificate of the operator’s', async () => {
      const HOUR = 3_600_000
      const times = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR }
      const ca = await issueCertificate({ commonName: 'ca', ...times })
      const { cert, key } = await issueCertificate({ commonName: 'm', names: ['localhost'], issuer: ca, ...times })
      const folder = mkdtempSync(join(tmpdir(), 'metrics-'))
      try {
        writeFileSync(join(folder, 'tls.crt'), cert)
        writeFileSync(join(folder, 'tls.key'), key)
        const tls = { ca: ca.cert }
        const options = { metricsCertificateFolder: folder, tlsMinVersion: 'VersionTLS12' } as const
        expect(await scrape(options, plane.adminToken, tls)).toBe('200 metallb_one 1')
        await expect(scrape({}, plane.adminToken, tls)).rejects.toThrow(/self.signed|unable to verify/)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  })

  it('[K-66] [K-69] of two candidates one leads, and the other follows when it goes', async () => {
    const led: string[] = []
    const leaders = ['one', 'two'].map(identity =>
      createLeader(
        { client, clock: REAL_CLOCK, random: realRandom() },
        {
          namespace: 'default',
          name: 'contest',
          identity,
          onBegan: () => void led.push(identity),
          onEnded: () => {},
        },
      ),
    )
    for (const leader of leaders) leader.start()
    await eventually('one to lead', () => led.length > 0 || undefined)
    await sleep(1_000)
    expect(led).toHaveLength(1)
    const [first, second] = led[0] === 'one' ? leaders : leaders.toReversed()
    expect([first!.check(), second!.check()]).toEqual([true, false])
    await first!.stop()
    await eventually('the other to lead', () => led.length === 2 || undefined)
    await second!.stop()
  })
})
