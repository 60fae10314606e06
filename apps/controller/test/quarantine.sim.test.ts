import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cluster, eventually, NAMESPACE, runController, type Running } from './cluster.ts'

const STATUSES = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/servicel2statuses`

let cluster: Cluster
let running: Running | undefined

beforeEach(async () => {
  cluster = await Cluster.start()
})

afterEach(async () => {
  await running?.stop()
  await cluster.server.stop()
})

/** As a speaker with the guard writes it. */
function take(address: string): void {
  cluster.create(STATUSES, {
    metadata: {
      name: `taken-${address}`,
      namespace: NAMESPACE,
      labels: { 'metallb-ts.io/taken-on': 'n1' },
      annotations: {
        'metallb-ts.io/address': address,
        'metallb-ts.io/mac': '02:00:00:00:00:bb',
        'metallb-ts.io/interface': 'eth0',
      },
    },
  })
}

test('an address that a speaker found to be a stranger’s: its Service gets another, and nobody gets this one', async () => {
  cluster.pool('first', ['192.0.2.10-192.0.2.11'])
  running = runController(cluster, { guard: true })
  cluster.service('web')
  await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.10']))
  take('192.0.2.10')
  await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.11']))
  const found = running.logger.lines.find(({ event }) => event === 'address-quarantined')
  expect(found?.fields).toMatchObject({
    address: '192.0.2.10',
    reason: '02:00:00:00:00:bb has it on interface eth0 of node n1',
  })
  cluster.service('other')
  await eventually(() => expect(cluster.conditionOf('other')).toMatchObject({ status: 'False' }))
  expect(cluster.conditionOf('other')?.message).toContain('quarantine')
  cluster.delete(`${STATUSES}/taken-192.0.2.10`)
  await eventually(() => expect(cluster.addressesOf('other')).toEqual(['192.0.2.10']))
})

test('one that was asked for by name is not given, and the reason is shown', async () => {
  cluster.pool('first', ['192.0.2.10-192.0.2.11'])
  take('192.0.2.10')
  running = runController(cluster, { guard: true })
  await eventually(() => expect(running!.controller.troubles).toEqual([]))
  cluster.service('web', { loadBalancerIP: '192.0.2.10' })
  await eventually(() =>
    expect(cluster.conditionOf('web')?.message).toContain('02:00:00:00:00:bb has it on interface eth0'),
  )
  expect(cluster.addressesOf('web')).toEqual([])
})
