import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Cluster, eventually, NAMESPACE, quiet, runController, type Running } from './cluster.ts'

let cluster: Cluster
const running: Running[] = []

function run(...args: Parameters<typeof runController> extends [unknown, ...infer Rest] ? Rest : never): Running {
  const process = runController(cluster, ...args)
  running.push(process)
  return process
}

beforeEach(async () => {
  cluster = await Cluster.start()
})

afterEach(async () => {
  await Promise.all(running.splice(0).map(process => process.stop()))
  await cluster.server.stop()
})

function works(process: Running): Promise<void> {
  return eventually(() => expect(process.controller.troubles).toEqual([]))
}

describe('a Service gets its address', () => {
  test('[row 1] [row 13] [row 22] [row 24] address, annotation, condition, event, log line', async () => {
    cluster.pool('first', ['192.0.2.0/24'])
    const { logger } = run()
    cluster.service('web')
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    expect(cluster.getService('web').metadata.annotations).toEqual({ 'metallb.io/ip-allocated-from-pool': 'first' })
    expect(cluster.getService('web').status?.loadBalancer?.ingress?.[0]?.ipMode).toBe('VIP')
    expect(cluster.conditionOf('web')).toMatchObject({ status: 'True', reason: 'Assigned' })
    await eventually(() => expect(cluster.eventsOf('web')).toEqual(['Normal IPAllocated Assigned IP ["192.0.2.0"]']))
    expect(logger.lines.find(({ event }) => event === 'service-assigned')?.fields).toMatchObject({
      service: 'default/web',
      ips: ['192.0.2.0'],
      pool: 'first',
    })
  })

  test('one status write and one event a Service, and nothing more at rest', async () => {
    cluster.pool('first', ['192.0.2.0/24'])
    for (let i = 0; i < 20; i++) cluster.service(`s${i}`)
    const process = run()
    await works(process)
    await eventually(() => expect(cluster.writes('/events')).toHaveLength(20))
    await quiet(cluster)
    expect(cluster.writes('/services/')).toHaveLength(20)
    expect(cluster.writes('/events')).toHaveLength(20)
  })

  test('[row 26] without any advertisement', async () => {
    cluster.pool('first', ['192.0.2.0/24'])
    cluster.service('web')
    run()
    await eventually(() => expect(cluster.addressesOf('web')).toHaveLength(1))
  })

  test('[row 14] [row 15] two families, and one where the pool has one', async () => {
    cluster.pool('dual', ['192.0.2.0/31', '2001:db8::/127'])
    cluster.service('both', { ipFamilyPolicy: 'RequireDualStack' })
    run()
    await eventually(() => expect(cluster.addressesOf('both')).toEqual(['192.0.2.0', '2001:db8::']))
    cluster.editPool('dual', { addresses: ['192.0.2.0/31', '2001:db8::/128'] })
    cluster.service('prefers', { ipFamilyPolicy: 'PreferDualStack' })
    await eventually(() => expect(cluster.addressesOf('prefers')).toEqual(['192.0.2.1']))
    cluster.editPool('dual', { addresses: ['192.0.2.0/31', '2001:db8::/127'] })
    await eventually(() => expect(cluster.addressesOf('prefers')).toEqual(['192.0.2.1', '2001:db8::1']))
    await eventually(() => {
      expect(cluster.eventsOf('prefers')).toContain('Normal IPAllocated Assigned additional IP "2001:db8::1"')
    })
  })
})

describe('waiting', () => {
  test('[row 21] who waits is served when an address comes free, first come first', async () => {
    cluster.pool('small', ['192.0.2.1/32'])
    const process = run()
    cluster.service('holder')
    await eventually(() => expect(cluster.addressesOf('holder')).toHaveLength(1))
    cluster.service('second')
    await eventually(() => expect(cluster.conditionOf('second')?.status).toBe('False'))
    cluster.service('third')
    await eventually(() => expect(cluster.conditionOf('third')?.status).toBe('False'))
    await works(process)
    cluster.deleteService('holder')
    await eventually(() => expect(cluster.addressesOf('second')).toEqual(['192.0.2.1']))
    expect(cluster.addressesOf('third')).toEqual([])
    expect(cluster.conditionOf('third')?.message).toBe(
      'no available IPs: pool small: all of its 1 IPv4 addresses are in use',
    )
    cluster.editPool('small', { addresses: ['192.0.2.1-192.0.2.2'] })
    await eventually(() => expect(cluster.addressesOf('third')).toEqual(['192.0.2.2']))
  })

  test('[row 21] a change of type or of ports frees what others wait for', async () => {
    cluster.pool('small', ['192.0.2.1/32'])
    run()
    const sharing = { 'metallb.io/allow-shared-ip': 'k' }
    cluster.service('first', { ports: [{ port: 80 }, { port: 443 }] }, sharing)
    await eventually(() => expect(cluster.addressesOf('first')).toHaveLength(1))
    cluster.service('second', { ports: [{ port: 443 }] }, sharing)
    await eventually(() => expect(cluster.conditionOf('second')?.status).toBe('False'))
    cluster.editService('first', { spec: { ports: [{ port: 80 }] } })
    await eventually(() => expect(cluster.addressesOf('second')).toEqual(['192.0.2.1']))
    cluster.service('third', { ports: [{ port: 80 }] }, sharing)
    await eventually(() => expect(cluster.conditionOf('third')?.status).toBe('False'))
    cluster.editService('first', { spec: { type: 'ClusterIP' } })
    await eventually(() => expect(cluster.addressesOf('third')).toEqual(['192.0.2.1']))
    expect(cluster.addressesOf('first')).toEqual([])
    expect(cluster.getService('first').status?.conditions ?? []).toEqual([])
  })

  test('500 wait, 1 000 are freed: no conflict, one write each', async () => {
    cluster.pool('p', ['10.0.0.0-10.0.3.231'])
    for (let i = 0; i < 1_000; i++) cluster.service(`held-${i}`)
    const process = run()
    await works(process)
    for (let i = 0; i < 500; i++) cluster.service(`late-${i}`)
    await eventually(() =>
      expect(cluster.services().filter(({ status }) => status?.conditions?.[0]?.status === 'False')).toHaveLength(500),
    )
    await quiet(cluster)
    const before = cluster.writes('/services/').length
    for (let i = 0; i < 1_000; i++) cluster.deleteService(`held-${i}`)
    await eventually(() => {
      expect(cluster.services().filter(({ status }) => status?.loadBalancer?.ingress?.length === 1)).toHaveLength(500)
    })
    await quiet(cluster)
    expect(cluster.writes('/services/').length - before).toBe(500)
  })
})

describe('pools change', () => {
  test('[row 19] [row 20] renamed and grown: nobody moves; shrunk: who must', async () => {
    cluster.pool('p', ['192.0.2.0/31'])
    for (const name of ['a', 'b']) cluster.service(name)
    run()
    await eventually(() => expect([cluster.addressesOf('a'), cluster.addressesOf('b')].flat()).toHaveLength(2))
    const [a, b] = [cluster.addressesOf('a'), cluster.addressesOf('b')]
    cluster.deletePool('p')
    cluster.pool('q', ['192.0.2.0/24'])
    await eventually(() =>
      expect(cluster.getService('a').metadata.annotations).toEqual({ 'metallb.io/ip-allocated-from-pool': 'q' }),
    )
    await quiet(cluster)
    const kept = [cluster.addressesOf('a'), cluster.addressesOf('b')]
    expect(kept.flat()).toHaveLength(2)
    cluster.editPool('q', { addresses: ['192.0.2.1-192.0.2.9'] })
    await quiet(cluster)
    const [mover, stayer] = kept[0]![0] === '192.0.2.0' ? ['a', 'b'] : ['b', 'a']
    expect(cluster.addressesOf(stayer)).toEqual(['192.0.2.1'])
    await eventually(() => expect(cluster.addressesOf(mover)).toEqual(['192.0.2.2']))
    const sentence = `Normal ClearAssignment current IP for "default/${mover}" not allowed by config`
    await eventually(() => expect(cluster.eventsOf(mover).join('\n')).toContain(sentence))
    expect([a, b].flat().sort()).toEqual(['192.0.2.0', '192.0.2.1'])
  })

  test('[row 2] [row 105] an overlapping pool is refused alone, and said; the others work', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    const process = run()
    await works(process)
    cluster.pool('b', ['192.0.2.128/25'])
    cluster.service('web')
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    await eventually(() => {
      const state = cluster.get(`/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/controller`)
      expect(state?.['status']).toMatchObject({
        result: 'Invalid',
        errorSummary: expect.stringContaining('in pool "b" overlaps with already defined CIDR') as string,
      })
    })
  })

  test('[row 2] [row 105] a pool edited onto another: both Services keep their addresses, and the rest works', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.pool('b', ['198.51.100.0/24'])
    cluster.service('in-a', {}, { 'metallb.io/address-pool': 'a' })
    cluster.service('in-b', {}, { 'metallb.io/address-pool': 'b' })
    const process = run()
    await works(process)
    cluster.editPool('a', { addresses: ['198.51.100.0/24'] })
    await eventually(() => {
      expect(process.logger.lines.filter(({ event }) => event === 'config-problem')).not.toHaveLength(0)
    })
    await quiet(cluster)
    cluster.service('next')
    await eventually(() => expect(cluster.addressesOf('next')).toEqual(['198.51.100.1']))
    expect([cluster.addressesOf('in-a'), cluster.addressesOf('in-b')]).toEqual([['192.0.2.0'], ['198.51.100.0']])
    cluster.editPool('a', { addresses: ['192.0.2.0/24'] })
    await eventually(() => expect(cluster.conditionOf('in-a')).toMatchObject({ status: 'True', reason: 'Assigned' }))
    expect(cluster.addressesOf('in-a')).toEqual(['192.0.2.0'])
  })

  test('[row 105] a pool edited into nonsense stays as it was, also for who comes next', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    run()
    cluster.service('web')
    await eventually(() => expect(cluster.addressesOf('web')).toHaveLength(1))
    cluster.editPool('a', { addresses: ['192.0.2.9-192.0.2.1'] })
    await quiet(cluster)
    cluster.service('next')
    await eventually(() => expect(cluster.addressesOf('next')).toEqual(['192.0.2.1']))
    expect(cluster.addressesOf('web')).toEqual(['192.0.2.0'])
  })

  test('[row 23] counters follow, and are not written at rest', async () => {
    cluster.pool('a', ['192.0.2.0/24', '2001:db8::/120'])
    for (let i = 0; i < 10; i++) cluster.service(`s${i}`)
    run()
    const full = { assignedIPv4: 10, availableIPv4: 246, assignedIPv6: 0, availableIPv6: 256 }
    await eventually(() => expect(cluster.poolStatus('a')).toEqual(full))
    await quiet(cluster, 1_200)
    const writes = cluster.writes('/ipaddresspools/').length
    expect(writes).toBeLessThanOrEqual(3)
    cluster.deleteService('s0')
    await eventually(() => expect(cluster.poolStatus('a')).toMatchObject({ assignedIPv4: 9, availableIPv4: 247 }))
    await quiet(cluster, 1_200)
    expect(cluster.writes('/ipaddresspools/')).toHaveLength(writes + 1)
  })

  test('a node’s own address is never given', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.create('/api/v1/nodes', {
      metadata: { name: 'n1' },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.0' }] },
    })
    cluster.service('web')
    const { logger } = run()
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.1']))
    expect(logger.lines.find(({ event }) => event === 'config-problem')?.fields['error']).toContain(
      '192.0.2.0 is an address of node n1',
    )
  })

  test('[row 5] [row 6] a namespace that gets its label gets its pool', async () => {
    cluster.pool('a', ['192.0.2.0/24'], {
      serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: 'x' } }] },
    })
    cluster.service('web')
    run()
    await eventually(() => expect(cluster.conditionOf('web')?.message).toContain('it does not serve namespace default'))
    cluster.patch('/api/v1/namespaces/default', { metadata: { labels: { team: 'x' } } })
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
  })
})

describe('what is not ours', () => {
  test('[row 12] only the class that was chosen', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.service('plain')
    cluster.service('classy', { loadBalancerClass: 'example.com/x' })
    const process = run({ loadBalancerClass: 'example.com/x' })
    await eventually(() => expect(cluster.addressesOf('classy')).toHaveLength(1))
    await works(process)
    expect(cluster.getService('plain').status).toEqual({ loadBalancer: {} })
    // Kubernetes takes the class away with the type; the address must come free all the same.
    cluster.editService('classy', { spec: { type: 'ClusterIP', loadBalancerClass: null } })
    await eventually(() => expect(cluster.addressesOf('classy')).toEqual([]))
    cluster.service('next', { loadBalancerClass: 'example.com/x' })
    await eventually(() => expect(cluster.addressesOf('next')).toEqual(['192.0.2.0']))
  })

  test('a status that somebody edits is mended', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    run()
    cluster.service('web')
    await eventually(() => expect(cluster.addressesOf('web')).toHaveLength(1))
    cluster.patch('/api/v1/namespaces/default/services/web/status', {
      status: { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } },
    })
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
  })
})

describe('somebody else', () => {
  const path = '/api/v1/namespaces/default/services/web/status'
  const foreign = { status: { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } } }

  test('a second installation that writes the same statuses is answered a few times, and said', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.service('web')
    const { logger, controller } = run()
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    cluster.server.core.store.listen(({ collection }) => {
      if (collection === 'services' && cluster.addressesOf('web')[0] !== '10.9.9.9')
        setTimeout(() => cluster.patch(path, foreign), 5)
    })
    cluster.patch(path, foreign)
    await eventually(() => {
      const said = logger.lines.filter(({ event }) => event === 'service-contested')
      expect(said.at(-1)?.fields).toMatchObject({
        service: 'default/web',
        shown: ['10.9.9.9'],
        action: 'left for a minute',
      })
    })
    await quiet(cluster)
    expect(cluster.writes('/services/').length).toBeLessThan(8)
    expect(controller.troubles).toEqual([])
  })

  test('another installation that writes our Services is said once: log, event, metric and ConfigurationState', async () => {
    const state = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/controller`
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.service('web')
    const process = run()
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    for (let i = 0; i < 2; i++) {
      cluster.patch(path, foreign, 'kube-vip')
      await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    }
    const sentence =
      '"kube-vip" writes addresses into Services that are ours, default/web for one: is another load balancer installed in this cluster, or MetalLB still running?'
    await eventually(() => expect(cluster.eventsOf('web')).toContain(`Warning ForeignInstallation ${sentence}`))
    await eventually(() =>
      expect(cluster.get(state)?.['status']).toMatchObject({
        result: 'Valid',
        errorSummary: '',
        conditions: expect.arrayContaining([
          expect.objectContaining({
            type: 'metallb.io/OnlyInstallation',
            status: 'False',
            reason: 'ForeignInstallation',
            message: sentence,
          }),
        ]) as unknown,
      }),
    )
    expect(process.logger.lines.filter(({ event }) => event === 'foreign-installation')).toHaveLength(1)
    expect(await process.metrics.page()).toContain('metallb_ts_foreign_installations 1')
  })

  test('who was there before us, and a person with kubectl, are no other installation', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.service('web')
    cluster.patch(path, foreign, 'controller')
    const { logger } = run()
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    cluster.patch(path, foreign, 'kubectl-edit')
    await eventually(() => expect(cluster.addressesOf('web')).toEqual(['192.0.2.0']))
    await quiet(cluster)
    expect(logger.lines.filter(({ event }) => event === 'foreign-installation')).toEqual([])
  })

  test('addresses that somebody writes where there are none to give are taken away a few times, not for ever', async () => {
    cluster.pool('a', ['192.0.2.0/32'])
    cluster.service('first')
    const { logger } = run()
    await eventually(() => expect(cluster.addressesOf('first')).toHaveLength(1))
    cluster.service('web')
    await eventually(() => expect(cluster.conditionOf('web')?.status).toBe('False'))
    cluster.server.core.store.listen(({ collection }) => {
      if (collection === 'services' && cluster.addressesOf('web')[0] !== '10.9.9.9')
        setTimeout(() => cluster.patch(path, foreign), 5)
    })
    cluster.patch(path, foreign)
    await eventually(() => {
      const said = logger.lines.filter(({ event }) => event === 'service-contested')
      expect(said.at(-1)?.fields).toMatchObject({ service: 'default/web', action: 'left for a minute' })
    })
    await quiet(cluster)
    expect(cluster.writes('/services/web').length).toBeLessThan(8)
  })

  test('events are not lost when the first attempt to write is refused', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    const process = run()
    await works(process)
    cluster.server.faults.add({ method: 'PATCH', path: '/status', times: 3, effect: { type: 'status', code: 409 } })
    cluster.service('web')
    await eventually(() => expect(cluster.eventsOf('web')).toEqual(['Normal IPAllocated Assigned IP ["192.0.2.0"]']))
    expect(process.logger.lines.filter(({ event }) => event === 'service-contested')).toEqual([])
  })
})

describe('the process', () => {
  test('ready only when the first pass is done', async () => {
    cluster.pool('a', ['192.0.2.0/24'])
    for (let i = 0; i < 5; i++) cluster.service(`s${i}`)
    cluster.server.faults.add({
      method: 'PATCH',
      path: '/services/s3/status',
      times: 3,
      effect: { type: 'status', code: 500 },
    })
    const process = run()
    expect(process.controller.troubles).toContain('services: not read yet')
    process.controller.bus.subscribe('process:works', () => {
      for (let i = 0; i < 5; i++) if (i !== 3) expect(cluster.addressesOf(`s${i}`)).toHaveLength(1)
    })
    await works(process)
    await eventually(() => expect(cluster.addressesOf('s3')).toHaveLength(1))
  })

  test('[row 98] metrics of the allocator and of the client', async () => {
    cluster.pool('a', ['192.0.2.0/30', '2001:db8::/126'])
    cluster.service('web')
    const process = run()
    await works(process)
    const page = await process.metrics.page()
    for (const line of [
      'metallb_allocator_addresses_total{pool="a"} 8',
      'metallb_allocator_ipv4_addresses_total{pool="a"} 4',
      'metallb_allocator_ipv6_addresses_total{pool="a"} 4',
      'metallb_allocator_addresses_in_use_total{pool="a"} 1',
      'metallb_allocator_ipv4_addresses_in_use_total{pool="a"} 1',
      'metallb_allocator_ipv6_addresses_in_use_total{pool="a"} 0',
      'metallb_k8s_client_config_loaded_bool 1',
      'metallb_k8s_client_config_stale_bool 0',
      'metallb_k8s_client_update_errors_total 0',
      'metallb_ts_allocation_seconds_count 1',
    ]) {
      expect(page).toContain(line)
    }
    expect(Number(/metallb_k8s_client_updates_total (\d+)/.exec(page)?.[1])).toBeGreaterThan(0)
  })

  test('[row 46] the ConfigurationState is there, comes back, and is written no more than that', async () => {
    const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/controller`
    cluster.create(`/api/v1/namespaces/${NAMESPACE}/pods`, { metadata: { name: 'controller-x' } })
    const process = run({ podName: 'controller-x' })
    await eventually(() => expect(cluster.get(path)?.['status']).toMatchObject({ result: 'Valid', errorSummary: '' }))
    expect(cluster.get(path)?.['metadata']).toMatchObject({
      labels: { 'metallb.io/component-type': 'controller' },
      ownerReferences: [{ kind: 'Pod', name: 'controller-x' }],
    })
    await works(process)
    await quiet(cluster)
    expect(cluster.writes('/configurationstates')).toHaveLength(2)
    cluster.delete(path)
    await eventually(() => expect(cluster.get(path)?.['status']).toMatchObject({ result: 'Valid' }))
  })

  test('the secret of the speakers is made once, in MetalLB’s form', async () => {
    cluster.create(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, { metadata: { name: 'controller' } })
    const path = `/api/v1/namespaces/${NAMESPACE}/secrets/memberlist`
    const first = run({ memberSecretName: 'memberlist', deployment: 'controller' })
    await eventually(() => expect(cluster.get(path)).toBeDefined())
    const { secretkey } = cluster.get(path)!['data'] as { secretkey: string }
    expect(Buffer.from(secretkey, 'base64').toString()).toMatch(/^[A-Za-z0-9+/]{22}$/)
    expect(cluster.get(path)!['metadata']).toMatchObject({
      ownerReferences: [{ kind: 'Deployment', name: 'controller' }],
    })
    await first.stop()
    await works(run({ memberSecretName: 'memberlist', deployment: 'controller' }))
    expect(cluster.get(path)!['data']).toEqual({ secretkey })
  })
})
