import { BGP_ADVERTISEMENTS, BGP_PEERS } from '@metallb-ts/api'
import { NODES as NODE_RESOURCE, SECRETS } from '@metallb-ts/k8s-watch'
import { eventually, FRR_ASN, LAN, NODE_ASN, nodeHost, NODES, pause, SYSTEM, type Lab } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextHops, startedLab } from './support.ts'

const ROUTED = { annotations: { 'metallb.io/address-pool': 'routed' } }
const ALL = NODES.map(node => LAN.ipv4(nodeHost(node)))

describe('changes of the configuration, on the wire', () => {
  let lab: Lab
  let address = ''

  beforeAll(async () => {
    lab = await startedLab(['frr', 'bird'])
    await lab.cluster.service('api', {}, ROUTED)
    ;[address = ''] = await lab.cluster.addresses('api')
    for (const router of ['frr', 'bird'] as const) await nextHops(lab, router, address, ALL)
    for (const family of ['ipv4', 'ipv6'])
      await eventually(`three sessions of ${family}`, async () => {
        const text = await lab.router('frr').command(`show bgp ${family} unicast summary json`)
        const { peers = {} } = JSON.parse(text) as { peers?: Record<string, { state: string }> }
        return Object.values(peers).filter(({ state }) => state === 'Established').length === NODES.length
      })
  })

  afterAll(() => lab?.remove())

  /** Segments that begin or end a connection with a router, and NOTIFICATIONs, while something is done. */
  async function disturbances(
    what: string,
    act: () => Promise<void>,
  ): Promise<{ readonly frr: readonly string[]; readonly bird: readonly string[] }> {
    const captures = (['frr', 'bird'] as const).map(router =>
      lab.clients.capture(`${what}-${router}`, lab.spaces[router], 'tcp port 179'),
    )
    await Promise.all(captures.map(({ begun }) => begun))
    await act()
    const [frr = [], bird = []] = await Promise.all(
      captures.map(async capture => (await capture.stop()).filter(line => /\[(SYN|FIN|RST)|NOTIFICATION/.test(line))),
    )
    return { frr, bird }
  }

  it('a Service, a label, a community and another peer disturb no session', async () => {
    const seen = await disturbances('additions', async () => {
      await lab.cluster.service('more', {}, ROUTED)
      const [more = ''] = await lab.cluster.addresses('more')
      for (const router of ['frr', 'bird'] as const) await nextHops(lab, router, more, ALL)
      await lab.cluster.client.patch(NODE_RESOURCE, 'n1', { metadata: { labels: { rack: 'a' } } }, { type: 'merge' })
      await lab.cluster.patch(BGP_ADVERTISEMENTS, 'routed', { spec: { communities: ['64512:100', '64512:200'] } })
      await eventually('the community', async () =>
        (await lab.router('frr').command(`show bgp ipv4 unicast ${address}/32`)).includes('64512:200'),
      )
      await lab.cluster.apply(BGP_PEERS, {
        metadata: { name: 'nobody', namespace: SYSTEM },
        spec: { myASN: NODE_ASN, peerASN: 65_000, peerAddress: LAN.ipv4(99) },
      })
      await pause(2_000)
    })
    expect(seen).toEqual({ frr: [], bird: [] })
  })

  it('[row 78] a Secret that rotates the password of one peer ends that session alone, and it comes back', async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const atRouter = (password: string): Promise<string> => {
      const neighbours = ALL.map(neighbour => `neighbor ${neighbour} password ${password}`)
      return lab.router('frr').command(['configure terminal', `router bgp ${FRR_ASN}`, ...neighbours].join('\n'))
    }
    await lab.cluster.apply(SECRETS, {
      metadata: { name: 'tor', namespace: SYSTEM },
      type: 'kubernetes.io/basic-auth',
      data: { username: '', password: base64('first') },
    })
    await lab.cluster.patch(BGP_PEERS, 'frr-ipv4', { spec: { passwordSecret: { name: 'tor' } } })
    await atRouter('first')
    await pause(1_000)
    await nextHops(lab, 'frr', address, ALL)
    const seen = await disturbances('rotated-password', async () => {
      const data = { password: base64('second') }
      await lab.cluster.client.patch(SECRETS, `${SYSTEM}/tor`, { data }, { type: 'merge' })
      await atRouter('second')
      await pause(1_000)
      await nextHops(lab, 'frr', address, ALL)
    })
    expect(seen.bird).toEqual([])
    expect(seen.frr.length).toBeGreaterThan(0)
    expect(seen.frr.filter(line => line.includes('fd77:'))).toEqual([])
  })
})
