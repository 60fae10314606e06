import { IP_ADDRESS_POOLS, type IPAddressPool, type Service } from '@metallb-ts/api'
import { EVENTS, SERVICES, type KubeObject } from '@metallb-ts/k8s-watch'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { NODES, type NodeName } from '../addresses.ts'
import type { ApiKind } from '../api-server.ts'
import { eventually } from '../eventually.ts'
import { Lab } from '../lab.ts'
import { missingPrograms, rerunUnprivileged, usableRouters } from './privileges.ts'
import { applyConfiguration, ROUTED_POOL } from '../scene.ts'
import { Story } from './story.ts'

const FAILOVER_LIMIT_MS = 2_000 // far above what a fast profile needs, so that a busy machine is no failure

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const rerun = rerunUnprivileged()
process.exit(rerun ?? ((await demo()) ? 0 : 1))

async function demo(): Promise<boolean> {
  const api = (process.env['API'] ?? 'embedded') as ApiKind
  const { routers, left } = usableRouters()
  const missing = missingPrograms()
  const story = new Story(process.stdout.isTTY === true)
  if (missing.length > 0) {
    console.error(`not installed: ${missing.join(', ')}`)
    return false
  }
  if (api === 'real') {
    const found = findBinaries()
    if (!found.ok) {
      console.error(found.reason)
      return false
    }
  }
  story.chapter(
    `A laboratory: three nodes, a LAN client, ${routers.join(' and ')} with a client behind each, ${api} API server`,
  )
  for (const reason of left) story.say(`left out: ${reason}`)
  let lab: Lab | undefined
  await story.step('the laboratory stands', async () => {
    lab = await Lab.build({ api, routers })
    return `network namespaces ${lab.id}-*`
  })
  if (lab === undefined) return story.end()
  try {
    await tell(story, lab, routers)
  } finally {
    if (process.env['KEEP'] === '1') await keep(lab)
    await lab.remove()
  }
  return story.end()
}

async function tell(story: Story, lab: Lab, routers: readonly ('frr' | 'bird')[]): Promise<void> {
  story.chapter('Pools, advertisements and peers are applied; controller and three speakers start')
  await story.step('the configuration is accepted', async () => {
    await applyConfiguration(lab.cluster, routers)
    return `pools lan (answered for on the LAN) and routed (announced to ${routers.join(' and ')})`
  })
  lab.startController()
  lab.startSpeakers()

  story.chapter('A Service on the LAN')
  let lan: readonly string[] = []
  await story.step('web gets an address of each family', async () => {
    await lab.cluster.service('web', { ipFamilyPolicy: 'RequireDualStack' })
    lan = await lab.cluster.addresses('web', 2)
    return `${lan.join(' and ')}\n${await why(lab, 'web')}`
  })
  const [lan4 = ''] = lan
  let owner: NodeName | undefined
  for (const address of lan) {
    await story.step(`a LAN client reaches ${address}`, async () => {
      const answer = await eventually('an answer', () => lab.clients.get('lan', address))
      const { node, mac } = await eventually('one owner', () => onlyOwner(lab, address))
      if (owner !== undefined && owner !== node) throw new Error(`${owner} owns one family and ${node} the other`)
      owner = node
      return `served by the pod on ${answer.node}; ${owner} answers for it with ${mac}`
    })
  }

  story.chapter('A Service behind routers')
  let routed: readonly string[] = []
  await story.step('api gets addresses of the pool it asks for', async () => {
    await lab.cluster.service(
      'api',
      { ipFamilyPolicy: 'RequireDualStack' },
      { annotations: { 'metallb.io/address-pool': ROUTED_POOL.name } },
    )
    routed = await lab.cluster.addresses('api', 2)
    return `${routed.join(' and ')}\n${await why(lab, 'api')}`
  })
  for (const router of routers) {
    for (const address of routed) {
      await story.step(`${router} has three next hops for ${address}`, async () => {
        const hops = await eventually('three next hops', async () => {
          const found = await lab.router(router).nextHops(address)
          return found.length === NODES.length ? found : undefined
        })
        const answer = await eventually('an answer', () =>
          lab.clients.get(router === 'frr' ? 'behind-frr' : 'behind-bird', address),
        )
        return `${hops.join(', ')}\na client behind ${router} was served by the pod on ${answer.node}`
      })
    }
  }

  story.chapter('What happens when things break')
  await story.step('the link of the owner is cut', async () => {
    const before = owner!
    const { longestMs, nodes } = await lab.clients.gapDuring('lan', lan4, 5, () => lab.cutLink(before))
    const after = await eventually('another owner', async () => {
      const found = await lab.clients.owner(lan4)
      return found === before ? undefined : found
    })
    if (longestMs > FAILOVER_LIMIT_MS) throw new Error(`the client waited ${longestMs} ms`)
    return `the client waited ${longestMs} ms; ${after} answers now (served from ${[...new Set(nodes)].join(', ')})`
  })
  await story.step('the link comes back', async () => {
    const back = owner!
    lab.restoreLink(back)
    await eventually('the first owner', async () => ((await lab.clients.owner(lan4)) === back ? back : undefined))
    return `${back} owns ${lan4} again`
  })
  for (const router of routers.slice(0, 1)) {
    await story.step('a speaker is stopped', async () => {
      const address = routed[0]!
      await lab.processes.stop('speaker-n2')
      const hops = await eventually('two next hops', async () => {
        const found = await lab.router(router).nextHops(address)
        return found.length === NODES.length - 1 ? found : undefined
      })
      return `it withdrew first: ${router} is left with ${hops.join(', ')}`
    })
  }
  await story.step('a Service that asks for what there is not', async () => {
    await lab.cluster.service('greedy', {}, { pods: [], annotations: { 'metallb.io/loadBalancerIPs': '203.0.113.9' } })
    return eventually('a reason', async () => {
      const { status } = await lab.cluster.client.get<Service>(SERVICES, 'default/greedy')
      const condition = status?.conditions?.find(
        ({ type, status }) => type === 'metallb.io/AddressAssigned' && status === 'False',
      )
      return condition?.message
    })
  })
  await story.step('the pool counts what it gave', async () => {
    const pool = await eventually('counters', async () => {
      const found = await lab.cluster.client.get<IPAddressPool>(IP_ADDRESS_POOLS, 'metallb-system/lan')
      return found.status?.assignedIPv4 === 1 && found.status.assignedIPv6 === 1 ? found : undefined
    })
    const { assignedIPv4, assignedIPv6, availableIPv4, availableIPv6 } = pool.status!
    return `IPv4 ${assignedIPv4} of ${assignedIPv4 + availableIPv4}, IPv6 ${assignedIPv6} of ${assignedIPv6 + availableIPv6}`
  })
}

/** What Kubernetes Events say of a Service, as `kubectl describe` shows them. */
async function why(lab: Lab, service: string): Promise<string> {
  const events = await eventually('an Event', async () => {
    const { items } = await lab.cluster.client.list<
      KubeObject & { involvedObject: { name: string }; reason: string; message: string }
    >(EVENTS)
    const own = items.filter(
      ({ involvedObject, reason }) => involvedObject.name === service && reason === 'IPAllocated',
    )
    return own.length > 0 ? own : undefined
  })
  return events.map(({ reason, message }) => `${reason}: ${message}`).join('\n')
}

/** The one node that answers for an address, and that the client believes. */
async function onlyOwner(lab: Lab, address: string): Promise<{ node: NodeName; mac: string } | undefined> {
  const [node, ...others] = await lab.clients.askWho(address)
  if (node === undefined || others.length > 0 || (await lab.clients.owner(address)) !== node) return undefined
  return { node, mac: await lab.clients.mac(node) }
}

async function keep(lab: Lab): Promise<void> {
  console.log(`\nThe lab stays up. Look around with:
  ip netns exec ${lab.spaces.client} curl http://10.77.0.200/
  ip netns exec ${lab.spaces.node('n1')} bash
  ${lab.binaries === '' ? `cat ${lab.folder}/speaker-n1.log` : `ip netns exec ${lab.spaces.control} ${lab.binaries}/kubectl --kubeconfig=${lab.kubeconfig} get svc -A`}
Ctrl-C removes it.`)
  await new Promise(() => setInterval(() => {}, 60_000))
}
