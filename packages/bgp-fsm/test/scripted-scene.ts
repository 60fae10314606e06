import { EventBus } from '@metallb-ts/event-bus'
import { address, formatPrefix, prefix, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import {
  createSpeaker,
  type BgpEvents,
  type Peer,
  type PassedMessage,
  type PeerInit,
  type ReceivedChange,
  type Route,
  type RouteAttributes,
  type Speaker,
  type SpeakerInit,
} from '../src/index.ts'
import { ScriptedPeer, scriptedOpen } from '../src/testing/index.ts'
import type { NlriPrefix, Open, PathAttribute, Update } from '../src/wire/index.ts'

export const PEER_ASN = 64_513
export const OUR_ASN = 64_512
export const US: Address = address('192.0.2.1')
export const THEM: Address = address('192.0.2.2')
export const US6: Address = address('2001:db8::1')
export const THEM6: Address = address('2001:db8::2')

export interface SceneInit {
  readonly peer?: Partial<PeerInit>
  readonly speaker?: Partial<SpeakerInit>
  readonly remote?: Address
  readonly local?: Address
  /** What the peer announces is told, too. @default false */
  readonly hears?: boolean
  readonly onMessage?: (message: PassedMessage) => void
}

/** A speaker whose one peer says what the test says, in virtual time. */
export class Scene {
  readonly clock: SimClock = new SimClock()
  readonly told: string[] = []
  /** `+198.51.100.0/24`, `stale 198.51.100.0/24`, as the receiver of routes is told. */
  readonly heard: string[] = []
  readonly peer: ScriptedPeer
  readonly speaker: Speaker

  constructor({ peer = {}, speaker = {}, remote = THEM, local = US, hears = false, onMessage }: SceneInit = {}) {
    this.peer = new ScriptedPeer(remote, local)
    const events = new EventBus<BgpEvents>({
      now: () => this.clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    events.subscribeAll(({ name, detail }) => void this.told.push(`${name} ${JSON.stringify(detail)}`))
    const components = {
      clock: this.clock,
      random: new SimRandom(1),
      transport: this.peer.transport,
      events,
      ...(onMessage !== undefined && { onMessage }),
      ...(hears && { onReceived: (_: string, change: ReceivedChange) => void this.heard.push(shortChange(change)) }),
    }
    this.speaker = createSpeaker(components, { asn: OUR_ASN, routerId: US, ...speaker })
    this.speaker.addPeer({
      name: 'peer',
      remote,
      peerAsn: PEER_ASN,
      families: ['ipv4', 'ipv6'],
      ownAddresses: { ipv6: US6 },
      ...peer,
    })
  }

  get session(): Peer {
    return this.speaker.peers.get('peer')!
  }

  /** Connected, greeted, and everything told that there is. */
  establish(open: Partial<Open> = {}): this {
    this.advance(0)
    this.peer.establish({ ...scriptedOpen({ asn: PEER_ASN }), ...open })
    this.advance(0)
    return this
  }

  advance(ms: number): void {
    this.clock.advance(ms)
  }

  routes(...routes: readonly Route[]): void {
    this.speaker.setRoutes('test', routes)
    this.advance(0)
  }

  /** What was said since the last call, in short. */
  take(): readonly string[] {
    return this.peer.take().map(message => {
      if (message.type === 'update') return shortUpdate(message)
      if (message.type === 'notification') return `N${message.code}/${message.subcode}`
      if (message.type === 'route-refresh') return `refresh ${message.afi}/${message.subtype}`
      return message.type
    })
  }

  updates(): readonly Update[] {
    return this.peer.take().filter(message => message.type === 'update')
  }
}

export function route(text: string, attributes: RouteAttributes = {}, pathId?: number): Route {
  return { prefix: prefix(text), attributes, ...(pathId !== undefined && { pathId }) }
}

/** `count` prefixes of 32 bits. */
export function hosts(count: number, attributes: RouteAttributes = {}): readonly Route[] {
  return Array.from({ length: count }, (_, i) => route(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`, attributes))
}

function shortChange(change: ReceivedChange): string {
  const names = (prefixes: readonly NlriPrefix[]): string => prefixes.map(formatPrefix).join(' ')
  switch (change.type) {
    case 'routes':
      return [...change.withdrawn.map(one => `-${formatPrefix(one)}`), ...change.announced.map(one => `+${formatPrefix(one)}`)].join(' ') // prettier-ignore
    case 'end-of-rib':
      return `EoR ${change.family}`
    case 'session-ended':
      return 'ended'
    case 'stale':
    case 'long-lived-stale':
      return `${change.type} ${names(change.prefixes)}`
    case 'swept':
      return `swept ${names(change.prefixes)}: ${change.because}`
  }
}

/** An UPDATE of the peer that announces these. */
export function announcing(...texts: readonly string[]): Update {
  const v4 = texts.map(text => prefix(text)).filter(({ address: { family } }) => family === 'ipv4')
  const v6 = texts.map(text => prefix(text)).filter(({ address: { family } }) => family === 'ipv6')
  return {
    type: 'update',
    withdrawn: [],
    announced: v4,
    issues: [],
    attributes: [
      ...(v6.length === 0 ? [] : [{ kind: 'mp-reach', family: 'ipv6', nextHops: [THEM6], prefixes: v6 } as const]),
      { kind: 'origin', value: 'igp' },
      { kind: 'as-path', segments: [{ type: 'sequence', asns: [PEER_ASN] }] },
      ...(v4.length === 0 ? [] : [{ kind: 'next-hop', address: THEM } as const]),
    ],
  }
}

/** `+192.0.2.0/24 -10.0.0.0/8`, or `EoR ipv4`. */
export function shortUpdate({ withdrawn, attributes, announced }: Update): string {
  const text = (sign: string, prefixes: readonly NlriPrefix[]): string[] =>
    prefixes.map(one => `${sign}${formatPrefix(one)}${one.pathId === undefined ? '' : `#${one.pathId}`}`)
  const unreach = find(attributes, 'mp-unreach')
  const reach = find(attributes, 'mp-reach')
  const parts = [
    ...text('-', withdrawn),
    ...text('-', unreach?.prefixes ?? []),
    ...text('+', announced),
    ...text('+', reach?.prefixes ?? []),
  ]
  if (parts.length > 0) return parts.join(' ')
  return `EoR ${unreach?.family ?? 'ipv4'}`
}

export function find<Kind extends PathAttribute['kind']>(
  attributes: readonly PathAttribute[],
  kind: Kind,
): (PathAttribute & { readonly kind: Kind }) | undefined {
  return attributes.find((one): one is PathAttribute & { readonly kind: Kind } => one.kind === kind)
}
