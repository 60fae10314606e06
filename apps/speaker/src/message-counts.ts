import type { PassedMessage } from '@metallb-ts/bgp-fsm'

/** Messages of one peer by type, since this process began. */
export type MessageCounts = Readonly<Record<`${MessageName}_${'sent' | 'received'}`, number>>

export type MessageName = 'opens' | 'updates' | 'notifications' | 'keepalives' | 'route_refresh'

export interface MessageCounter {
  count(message: PassedMessage): void
  of(peer: string): MessageCounts
}

/** Counts what passes on BGP's connections, by the type octet of each message (RFC 4271 §4.1). */
export function createMessageCounter(): MessageCounter {
  const counts = new Map<string, Record<string, number>>()
  return {
    count: ({ peer, direction, bytes }) => {
      const own = counts.get(peer) ?? { ...ZERO }
      counts.set(peer, own)
      for (let at = 0; at + HEADER_OCTETS <= bytes.length;) {
        const name = NAMES[bytes[at + TYPE_AT]!]
        if (name !== undefined) own[`${name}_${direction}`]!++
        at += Math.max(HEADER_OCTETS, (bytes[at + LENGTH_AT]! << 8) | bytes[at + LENGTH_AT + 1]!)
      }
    },
    of: peer => (counts.get(peer) ?? ZERO) as MessageCounts,
  }
}

const HEADER_OCTETS = 19
const LENGTH_AT = 16
const TYPE_AT = 18
const NAMES: Readonly<Record<number, MessageName>> = {
  1: 'opens',
  2: 'updates',
  3: 'notifications',
  4: 'keepalives',
  5: 'route_refresh',
}

const ZERO: MessageCounts = {
  opens_sent: 0,
  opens_received: 0,
  updates_sent: 0,
  updates_received: 0,
  notifications_sent: 0,
  notifications_received: 0,
  keepalives_sent: 0,
  keepalives_received: 0,
  route_refresh_sent: 0,
  route_refresh_received: 0,
}
