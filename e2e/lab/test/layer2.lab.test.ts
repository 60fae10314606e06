import { L2_ADVERTISEMENTS, SERVICE_L2_STATUSES } from '@metallb-ts/api'
import { eventually, HOSTS, LAN, NODES, pause, type Lab, type NodeName } from '@metallb-ts/lab'
import { NODES as NODE_RESOURCE, type KubeObject } from '@metallb-ts/k8s-watch'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metallbOrder, noOwner, soleOwner, startedLab } from './support.ts'

const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers'

describe('layer 2 on a LAN', () => {
  let lab: Lab
  let ipv4 = ''
  let ipv6 = ''
  let order: readonly NodeName[] = []

  beforeAll(async () => {
    lab = await startedLab([])
    await lab.cluster.service('web', { ipFamilyPolicy: 'RequireDualStack' })
    const addresses = await lab.cluster.addresses('web', 2)
    ;[ipv4 = '', ipv6 = ''] = addresses
    order = metallbOrder(ipv4)
  })

  afterAll(() => lab?.remove())

  it('[row 27] [row 28] [row 14] answers ARP and neighbor solicitations for a dual-stack Service, and a client reaches a pod', async () => {
    for (const address of [ipv4, ipv6]) {
      await soleOwner(lab, address)
      const answer = await eventually('an answer', () => lab.clients.get('lan', address))
      expect(NODES).toContain(answer.node)
    }
  })

  it('[row 30] the owner of both families is first in the order of the first address', async () => {
    expect(await soleOwner(lab, ipv4)).toBe(order[0])
    expect(await soleOwner(lab, ipv6)).toBe(order[0])
  })

  it('[row 44] a ServiceL2Status names the owner, and the interfaces it is restricted to', async () => {
    const statusWith = (interfaces: readonly object[]): Promise<object> =>
      eventually('one status', async () => {
        const { items } = await lab.cluster.client.list<KubeObject & { status?: { interfaces?: readonly object[] } }>(
          SERVICE_L2_STATUSES,
        )
        const [status, ...others] = items.map(({ status }) => status)
        return others.length === 0 && JSON.stringify(status?.interfaces ?? []) === JSON.stringify(interfaces)
          ? status
          : undefined
      })
    const identity = { node: order[0], serviceName: 'web', serviceNamespace: 'default' }
    expect(await statusWith([])).toMatchObject(identity)
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { interfaces: ['eth0'] } })
    expect(await statusWith([{ name: 'eth0' }])).toMatchObject(identity)
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { interfaces: null } })
    expect(await statusWith([])).toMatchObject(identity)
  })

  it('[row 29] the next owner takes over a cut link, and tells the LAN in both families', async () => {
    const [first, second] = order
    const capture = lab.clients.capture('owner-lost', lab.spaces.client, 'arp or icmp6')
    await capture.begun
    const { longestMs, nodes } = await lab.clients.gapDuring('lan', ipv4, 4, () => lab.cutLink(first!))
    expect(await soleOwner(lab, ipv4)).toBe(second)
    expect(await soleOwner(lab, ipv6)).toBe(second)
    const mac = await lab.clients.mac(second!)
    const frames = await capture.stop()
    expect(nodes.length).toBeGreaterThan(0)
    expect(longestMs).toBeLessThan(4_000)
    const told = (what: RegExp): readonly string[] => frames.filter(line => line.includes(mac) && what.test(line))
    expect(told(new RegExp(`Gratuitous ARP|ARP Announcement for ${ipv4}`))).not.toEqual([])
    expect(told(new RegExp(`Neighbor Advertisement ${ipv6} .*ovr`))).not.toEqual([])
  })

  it('[row 37] the first in the order owns again when its link is back', async () => {
    lab.restoreLink(order[0]!)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 37] a killed speaker is replaced, and takes its addresses back when it is started again', async () => {
    lab.processes.kill(`speaker-${order[0]}`)
    expect(await soleOwner(lab, ipv4, [order[1]!])).toBe(order[1])
    lab.startSpeaker(order[0]!)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('a restarted speaker that owns nothing never answers for what another owns', async () => {
    const last = order[2]!
    await lab.processes.stop(`speaker-${last}`)
    const mac = await lab.clients.mac(last)
    const capture = lab.clients.capture('restarted', lab.spaces.client, `ether src ${mac} and (arp or icmp6)`)
    await capture.begun
    lab.startSpeaker(last)
    await eventually('the speaker to know its place', () =>
      lab.processes.log(`speaker-${last}`).some(({ code }) => code === 'another-node-owns'),
    )
    await pause(1_000)
    const frames = await capture.stop()
    expect(frames.filter(line => line.includes(ipv4) || line.includes(ipv6))).toEqual([])
  })

  it('a link down on the owner’s own side is seen, and answers go on when the API server cannot be reached', async () => {
    lab.cutLink('ctl')
    try {
      lab.processes.kill(`speaker-${order[0]}`)
      expect(await soleOwner(lab, ipv4, [order[1]!])).toBe(order[1])
      expect(await soleOwner(lab, ipv6, [order[1]!])).toBe(order[1])
    } finally {
      lab.restoreLink('ctl')
    }
    lab.startSpeaker(order[0]!)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 41] a node labelled out of load balancing gives its addresses up until the label goes', async () => {
    await lab.cluster.client.patch(
      NODE_RESOURCE,
      order[0]!,
      { metadata: { labels: { [EXCLUDE]: '' } } },
      { type: 'merge' },
    )
    expect(await soleOwner(lab, ipv4, [order[1]!])).toBe(order[1])
    await lab.cluster.client.patch(
      NODE_RESOURCE,
      order[0]!,
      { metadata: { labels: { [EXCLUDE]: null } } },
      { type: 'merge' },
    )
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 40] a node whose network is unavailable gives its addresses up', async () => {
    const unavailable = (status: 'True' | 'False'): object => ({
      status: {
        conditions: [
          { type: 'Ready', status: 'True', reason: 'Lab', message: 'lab' },
          { type: 'NetworkUnavailable', status, reason: 'Lab', message: 'lab' },
        ],
      },
    })
    const options = { type: 'merge', subresource: 'status' } as const
    await lab.cluster.client.patch(NODE_RESOURCE, order[0]!, unavailable('True'), options)
    expect(await soleOwner(lab, ipv4, [order[1]!])).toBe(order[1])
    await lab.cluster.client.patch(NODE_RESOURCE, order[0]!, unavailable('False'), options)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 31] node selectors of the advertisement decide who may own', async () => {
    const nodeSelectors = [{ matchLabels: { 'kubernetes.io/hostname': order[2] } }]
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { nodeSelectors } })
    expect(await soleOwner(lab, ipv4, [order[2]!])).toBe(order[2])
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { nodeSelectors: null } })
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 33] an advertisement for interfaces that no node has is answered on none, and the log says so', async () => {
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { interfaces: ['eth9'] } })
    await noOwner(lab, ipv4)
    await noOwner(lab, ipv6)
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { interfaces: ['eth0', 'eth9'] } })
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { interfaces: null } })
  })

  it('[row 34] a service selector that does not match keeps a Service quiet', async () => {
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', {
      spec: { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] },
    })
    await noOwner(lab, ipv4)
    await lab.cluster.patch(L2_ADVERTISEMENTS, 'lan', { spec: { serviceSelectors: null } })
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
  })

  it('[row 35] with externalTrafficPolicy Local only a node with a ready pod owns, and the pod sees the client’s address', async () => {
    await lab.cluster.service(
      'local',
      { externalTrafficPolicy: 'Local', ipFamilyPolicy: 'RequireDualStack' },
      { pods: ['n2'] },
    )
    const [local4 = '', local6 = ''] = await lab.cluster.addresses('local', 2)
    expect(await soleOwner(lab, local4, ['n2'])).toBe('n2')
    expect(await eventually('an answer', () => lab.clients.get('lan', local4))).toEqual({
      node: 'n2',
      client: LAN.ipv4(HOSTS.client),
    })
    expect(await eventually('an answer', () => lab.clients.get('lan', local6))).toEqual({
      node: 'n2',
      client: LAN.ipv6(HOSTS.client),
    })
    await lab.cluster.ready('local', ['n2'], false)
    await noOwner(lab, local4)
    await lab.cluster.ready('local', ['n2'], true)
    expect(await soleOwner(lab, local4, ['n2'])).toBe('n2')
  })

  it('[row 42] a Service without a serving endpoint is not answered for, until it has one', async () => {
    await lab.cluster.ready('web', NODES, false)
    await noOwner(lab, ipv4)
    await lab.cluster.ready('web', ['n2'], true)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
    await lab.cluster.ready('web', NODES, true)
  })

  it('a flapping interface is answered on again', async () => {
    await lab.flap(order[0]!, 1_500)
    expect(await soleOwner(lab, ipv4, [order[0]!])).toBe(order[0])
    expect(await soleOwner(lab, ipv6, [order[0]!])).toBe(order[0])
  })

  it('a deleted Service is not answered for any more', async () => {
    await lab.cluster.removeService('web')
    await noOwner(lab, ipv4)
    await noOwner(lab, ipv6)
  })
})
