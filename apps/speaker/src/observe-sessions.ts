import type { Peer, Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import { formatAddress } from '@metallb-ts/netip'
import type { Metrics } from '@metallb-ts/runtime'
import type { MessageCounter, MessageCounts } from './message-counts.ts'

/** The metrics of BGP, under MetalLB's names: of its native mode, and of its FRR mode what that has more. */
export function exposeSessions(metrics: Metrics, bgp: BgpSpeaker, messages: MessageCounter): void {
  const rows = (row: { set(value: number, labels: PeerLabels): void }, value: (peer: Peer) => number): void => {
    for (const peer of bgp.peers.values()) row.set(value(peer), labelsOf(peer))
  }
  const perPeer = (name: string, help: string, value: (peer: Peer) => number): void => {
    metrics.gauge({
      name,
      help,
      labels: ['peer', 'vrf'],
      collect: gauge => {
        gauge.clear()
        rows(gauge, value)
      },
    })
  }
  const countedPerPeer = (name: string, help: string, value: (peer: Peer) => number): void => {
    metrics.counter({ name, help, labels: ['peer', 'vrf'], collect: totals => rows(totals, value) })
  }
  perPeer('metallb_bgp_session_up', '1 while the session is established', peer =>
    peer.state === 'established' ? 1 : 0,
  )
  const perMessage = (name: string, help: string, field: keyof MessageCounts): void =>
    countedPerPeer(name, help, peer => messages.of(peer.init.name)[field])
  perMessage('metallb_bgp_updates_total_received', 'UPDATEs received', 'updates_received')
  perMessage('metallb_bgp_opens_sent', 'OPENs sent', 'opens_sent')
  perMessage('metallb_bgp_opens_received', 'OPENs received', 'opens_received')
  perMessage('metallb_bgp_notifications_sent', 'NOTIFICATIONs sent', 'notifications_sent')
  perMessage('metallb_bgp_keepalives_sent', 'KEEPALIVEs sent', 'keepalives_sent')
  perMessage('metallb_bgp_keepalives_received', 'KEEPALIVEs received', 'keepalives_received')
  perMessage('metallb_bgp_route_refresh_sent', 'ROUTE-REFRESHs sent', 'route_refresh_sent')
  countedPerPeer('metallb_bgp_total_sent', 'Messages sent', peer => peer.counters.messagesSent)
  countedPerPeer('metallb_bgp_total_received', 'Messages received', peer => peer.counters.messagesReceived)
  countedPerPeer('metallb_bgp_updates_total', 'UPDATEs sent', peer => peer.counters.updatesSent)
  perPeer('metallb_bgp_announced_prefixes_total', 'Prefixes that the router was told', peer => peer.prefixes.advertised)
  perPeer('metallb_bgp_pending_prefixes_total', 'Prefixes that the router should know', peer => peer.prefixes.desired)
}

type PeerLabels = Readonly<Record<'peer' | 'vrf', string>>

/** The address and port, or the interface of a peer that has no address yet; two VRFs may have a router of one address each. */
function labelsOf({ remote, init }: Peer): PeerLabels {
  const who = remote === undefined ? (init.interface ?? init.name) : formatAddress(remote)
  return { peer: `${who}:${init.port ?? 179}`, vrf: init.device ?? 'default' }
}
