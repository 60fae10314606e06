import type { Service } from '@metallb-ts/api'
import { afterEach, describe, expect, test } from 'vitest'
import { Cluster, eventually, quiet, runController, type Running } from './cluster.ts'

/** At no moment do two Services show one address, unless they share it. */
function watchForTwins(cluster: Cluster): readonly string[] {
  const twins: string[] = []
  cluster.server.core.store.listen(({ collection }) => {
    if (collection !== 'services') return
    const holders = new Map<string, Service>()
    for (const service of cluster.services()) {
      for (const { ip } of service.status?.loadBalancer?.ingress ?? []) {
        const other = holders.get(ip ?? '')
        if (other !== undefined && !mayShare(other, service))
          twins.push(`${ip}: ${other.metadata.name}, ${service.metadata.name}`)
        holders.set(ip ?? '', service)
      }
    }
  })
  return twins
}

function mayShare(a: Service, b: Service): boolean {
  const key = (service: Service): string | undefined => service.metadata.annotations?.['metallb.io/allow-shared-ip']
  return key(a) !== undefined && key(a) === key(b)
}

function shown(cluster: Cluster): ReadonlyMap<string, string> {
  return new Map(cluster.services().map(({ metadata }) => [metadata.name, cluster.addressesOf(metadata.name).join()]))
}

async function works({ controller }: Running): Promise<void> {
  await eventually(() => expect(controller.troubles).toEqual([]))
}

let cluster: Cluster

afterEach(() => cluster.server.stop())

/** Addresses that a start, a sharer, a mover and a newcomer have, and one who waits: everything that is written at all. */
async function prepare(): Promise<readonly string[]> {
  cluster = await Cluster.start()
  const twins = watchForTwins(cluster)
  cluster.pool('a', ['192.0.2.0-192.0.2.5'])
  cluster.pool('b', ['198.51.100.0/31', '2001:db8::/127'], { autoAssign: false })
  for (const name of ['s0', 's1', 's2']) cluster.service(name)
  cluster.service('shared-1', { ports: [{ port: 80 }] }, { 'metallb.io/allow-shared-ip': 'k' })
  cluster.service('shared-2', { ports: [{ port: 81 }] }, { 'metallb.io/allow-shared-ip': 'k' })
  cluster.service('dual', { ipFamilyPolicy: 'PreferDualStack' }, { 'metallb.io/address-pool': 'b' })
  return twins
}

/** What users do while the controller may die. */
function disturb(): void {
  cluster.editService('s0', { metadata: { annotations: { 'metallb.io/address-pool': 'b' } } })
  cluster.editService('s1', { spec: { type: 'ClusterIP' } })
  cluster.deleteService('s2')
  for (const name of ['n0', 'n1', 'n2', 'n3', 'n4']) cluster.service(name)
  cluster.editPool('a', { addresses: ['192.0.2.0-192.0.2.4', '192.0.2.9/32'] })
}

async function livesUntil(write: number, moment: 'before' | 'after'): Promise<boolean> {
  let died: () => void = () => {}
  const death = new Promise<boolean>(resolve => {
    died = () => resolve(true)
  })
  const process = runController(cluster, {
    dieAt: n => {
      if (n !== write) return undefined
      died()
      return moment
    },
  })
  const isDone = eventually(() => expect(process.controller.troubles).toEqual([]))
    .then(() => quiet(cluster, 60))
    .then(() => false)
  const isDead = await Promise.race([death, isDone])
  if (isDead) await new Promise(resolve => setTimeout(resolve, 20))
  await process.kill()
  return isDead
}

describe('a controller that is killed at a write', () => {
  test('[row 18] while it starts: whoever had an address has it afterwards, and nobody ever has another’s', async () => {
    let deaths = 0
    for (let write = 0, isDead = true; isDead && write < 40; write++) {
      for (const moment of ['before', 'after'] as const) {
        const twins = await prepare()
        isDead = await livesUntil(write, moment)
        if (isDead) deaths++
        const before = shown(cluster)
        const second = runController(cluster)
        await works(second)
        await quiet(cluster, 60)
        for (const [name, addresses] of before) {
          if (addresses !== '')
            expect([write, moment, name, shown(cluster).get(name)]).toEqual([write, moment, name, addresses])
        }
        expect([write, moment, [...shown(cluster).values()].every(text => text !== '')]).toEqual([write, moment, true])
        expect(twins).toEqual([])
        await second.stop()
        await cluster.server.stop()
      }
    }
    expect(deaths).toBeGreaterThan(20)
  })

  test('[row 18] while users change everything: nobody loses what still fits, and nobody ever has another’s', async () => {
    let deaths = 0
    for (let write = 0, isDead = true; isDead && write < 40; write++) {
      for (const moment of ['before', 'after'] as const) {
        const twins = await prepare()
        const first = runController(cluster)
        await works(first)
        await quiet(cluster, 60)
        await first.stop()
        const settled = shown(cluster)
        disturb()
        isDead = await livesUntil(write, moment)
        if (isDead) deaths++
        const atDeath = shown(cluster)
        const second = runController(cluster)
        await works(second)
        await quiet(cluster, 60)
        const after = shown(cluster)
        for (const name of ['shared-1', 'shared-2', 'dual']) {
          expect([write, moment, name, after.get(name)]).toEqual([write, moment, name, settled.get(name)])
        }
        for (const [name, addresses] of atDeath) {
          const wasMoving = addresses === settled.get(name) && ['s0', 's1'].includes(name)
          if (addresses !== '' && addresses !== '192.0.2.5' && !wasMoving) {
            expect([write, moment, name, after.get(name)]).toEqual([write, moment, name, addresses])
          }
        }
        expect(after.get('s0')).toMatch(/^198\.51\.100\./)
        expect(after.get('s1')).toBe('')
        expect(twins).toEqual([])
        await second.stop()
        await cluster.server.stop()
      }
    }
    expect(deaths).toBeGreaterThan(20)
  })
})

describe('a restart', () => {
  test('[row 18] with everything assigned writes nothing, also with Services waiting', async () => {
    cluster = await Cluster.start()
    cluster.pool('a', ['10.0.0.0-10.0.0.199'])
    for (let i = 0; i < 220; i++) cluster.service(`s${i}`)
    const first = runController(cluster)
    await works(first)
    await eventually(() => expect(cluster.poolStatus('a')).toMatchObject({ availableIPv4: 0 }))
    await quiet(cluster, 1_200)
    await first.stop()
    const [before, writes] = [shown(cluster), cluster.writes().length]
    for (let i = 0; i < 3; i++) {
      const again = runController(cluster)
      await works(again)
      await quiet(cluster, 1_100)
      await again.stop()
    }
    expect(shown(cluster)).toEqual(before)
    expect(cluster.writes().slice(writes)).toEqual([])
  })

  test('[row 18] [row 21] with addresses freed while nobody looked: holders keep theirs, who waits is served', async () => {
    cluster = await Cluster.start()
    cluster.pool('a', ['10.0.0.0-10.0.0.9'])
    for (let i = 0; i < 14; i++) cluster.service(`s${String(i).padStart(2, '0')}`)
    const first = runController(cluster)
    await works(first)
    await first.stop()
    const before = shown(cluster)
    const [gone, ...holders] = [...before].filter(([, addresses]) => addresses !== '').map(([name]) => name)
    cluster.deleteService(gone!)
    const second = runController(cluster)
    await works(second)
    await quiet(cluster)
    for (const name of holders) expect(cluster.addressesOf(name).join()).toBe(before.get(name))
    expect([...shown(cluster).values()].filter(text => text !== '')).toHaveLength(10)
    await second.stop()
  })

  test('[row 105] with a pool that has become nonsense meanwhile: its Services keep their addresses', async () => {
    cluster = await Cluster.start()
    cluster.pool('a', ['10.0.0.0/28'])
    cluster.service('web')
    const first = runController(cluster)
    await works(first)
    await first.stop()
    cluster.editPool('a', { addresses: ['10.0.0.9-10.0.0.1'] })
    const second = runController(cluster)
    await works(second)
    await quiet(cluster)
    expect(cluster.addressesOf('web')).toEqual(['10.0.0.0'])
    expect(cluster.conditionOf('web')).toMatchObject({ status: 'True', reason: 'PoolMisconfigured' })
    cluster.service('other')
    cluster.editPool('a', { addresses: ['10.0.0.0/28'] })
    await eventually(() => expect(cluster.addressesOf('other')).toEqual(['10.0.0.1']))
    expect(cluster.addressesOf('web')).toEqual(['10.0.0.0'])
    await second.stop()
  })

  test('[row 18] an API server that fails half of the time moves nobody', async () => {
    const twins = await prepare()
    for (const code of [500, 429, 409]) {
      cluster.server.faults.add({ method: 'PATCH', path: '/status', times: 6, effect: { type: 'status', code } })
    }
    cluster.server.faults.add({ method: 'PATCH', path: '/status', times: 4, effect: { type: 'lose-answer' } })
    const first = runController(cluster)
    await works(first)
    await eventually(() => expect([...shown(cluster).values()].filter(text => text === '')).toEqual([]))
    await quiet(cluster)
    const before = shown(cluster)
    await first.kill()
    const second = runController(cluster)
    await works(second)
    await quiet(cluster)
    expect(shown(cluster)).toEqual(before)
    expect(twins).toEqual([])
    await second.stop()
  })
})
