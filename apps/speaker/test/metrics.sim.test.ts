import { createSpeaker as createRouter } from '@metallb-ts/bgp-fsm'
import { tcpTransport } from '@metallb-ts/bgp-fsm/node'
import { EventBus } from '@metallb-ts/event-bus'
import { address } from '@metallb-ts/netip'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { Cluster, eventually, NODE_ASN, nodeAddress, ROUTER, ROUTER_ASN } from './cluster.ts'

const soon = (check: () => void): Promise<void> => eventually(check, 60_000)

describe('a speaker’s metrics', () => {
  it('[row 96] have MetalLB’s names for sessions and announcements, and histograms of how long both take', async () => {
    const cluster = await Cluster.start()
    try {
      cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
      cluster.configure('bgpadvertisements', 'routed')
      cluster.configure('l2advertisements', 'all')
      cluster.configure('bgppeers', 'tor', { myASN: NODE_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER })
      const n1 = { name: 'n1', remote: address(nodeAddress(0)), peerAsn: NODE_ASN, passive: true }
      await cluster.router(ROUTER, ROUTER_ASN, [n1])
      const { speaker, metrics } = await cluster.speaker()
      await soon(() => expect(speaker.troubles).toEqual([]))
      cluster.service('web', '192.0.2.1')
      await soon(() => expect(cluster.condition('web')).toMatchObject({ status: 'True' }))
      const page = await metrics.page()
      for (const line of [
        `metallb_bgp_session_up{peer="${ROUTER}:179",vrf="default"} 1`,
        `metallb_bgp_announced_prefixes_total{peer="${ROUTER}:179",vrf="default"} 1`,
        `metallb_bgp_pending_prefixes_total{peer="${ROUTER}:179",vrf="default"} 1`,
        `metallb_bgp_opens_sent{peer="${ROUTER}:179",vrf="default"} 1`,
        `metallb_bgp_opens_received{peer="${ROUTER}:179",vrf="default"} 1`,
        `metallb_bgp_notifications_sent{peer="${ROUTER}:179",vrf="default"} 0`,
        `metallb_bgp_route_refresh_sent{peer="${ROUTER}:179",vrf="default"} 0`,
        'metallb_speaker_announced{service="default/web",protocol="bgp",node="n1",ip="192.0.2.1"} 1',
        'metallb_speaker_announced{service="default/web",protocol="layer2",node="n1",ip="192.0.2.1"} 1',
        'metallb_k8s_client_config_loaded_bool 1',
        'metallb_k8s_client_config_stale_bool 0',
        'metallb_k8s_client_update_errors_total 0',
        'metallb_speaker_announce_seconds_count{protocol="bgp",what="announced"} 1',
      ])
        expect(page.split('\n')).toContain(line)
      for (const name of ['updates_total', 'keepalives_sent', 'keepalives_received', 'total_sent', 'total_received'])
        expect(page).toMatch(new RegExp(`^metallb_bgp_${name}\\{peer="${ROUTER}:179",vrf="default"\\} [1-9]`, 'm'))
      expect(page).toMatch(/^metallb_bgp_updates_total_received\{/m)
      expect(page).toMatch(/^metallb_speaker_reconcile_seconds_count [1-9]/m)
      expect(JSON.stringify(speaker.events())).toContain('service:announced')
      expect(speaker.state()).toMatchObject({ node: 'n1', isReady: true, drain: 'not drained' })
    } finally {
      await cluster.stop()
    }
  })
})

describe('a router on the same host', () => {
  it('[row 90] is a peer like any other', async () => {
    const cluster = await Cluster.start()
    const events = new EventBus<never>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
    const router = createRouter(
      { clock: REAL_CLOCK, random: new SimRandom(5), transport: tcpTransport(), events: events as never },
      { asn: ROUTER_ASN, routerId: address('192.0.2.254') },
    )
    try {
      const port = 10_000 + (process.pid % 6_000)
      router.addPeer({ name: 'n1', remote: address('127.0.0.1'), peerAsn: NODE_ASN, passive: true })
      await router.listen(port, address('127.0.0.1'))
      cluster.configure('ipaddresspools', 'lan', { addresses: ['192.0.2.0/24'] })
      cluster.configure('bgpadvertisements', 'routed')
      const here = { peerAddress: '127.0.0.1', peerPort: port }
      cluster.configure('bgppeers', 'here', { myASN: NODE_ASN, peerASN: ROUTER_ASN, ...here })
      cluster.service('web', '192.0.2.1')
      await cluster.speaker('n1', {}, '', tcpTransport())
      await soon(() => expect(cluster.condition('web')?.message).toBe('n1: has told here'))
      expect(router.peers.get('n1')?.counters.updatesReceived).toBeGreaterThan(0)
    } finally {
      await router.stop({ deadlineMs: 100 })
      await cluster.stop()
    }
  })
})
