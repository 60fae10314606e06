import { EventBus } from '@metallb-ts/event-bus'
import { address, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import {
  createSpeaker,
  type BgpEvents,
  type Connection,
  type ConnectionHandlers,
  type PeerInit,
  type ReceivedChange,
} from '../src/index.ts'
import { scriptedOpen, SimNetwork } from '../src/testing/index.ts'
import {
  decodeMessage,
  encodeMessage,
  Framer,
  KEEPALIVE,
  type Capability,
  type Message,
  type Open,
} from '../src/wire/index.ts'
import { announcing, PEER_ASN, route, shortUpdate } from './scripted-scene.ts'

const US = address('192.0.2.10')
const [LOWER, HIGHER] = [0xc000_0201, 0xc000_0263]
const CODEC = { fourOctetAs: true, internal: false }

test.each([
  { collisionDetectEstablished: true, routerId: HIGHER, stays: 'second' },
  { collisionDetectEstablished: true, routerId: LOWER, stays: 'first' },
  { collisionDetectEstablished: false, routerId: HIGHER, stays: 'first' },
])(
  '[B-COL-01] [B-COL-04] beside an established session the peer opens another: $stays stays, with $collisionDetectEstablished and identifier $routerId',
  async ({ collisionDetectEstablished, routerId, stays }) => {
    const { peer, first, second, clock } = await scene({ collisionDetectEstablished }, routerId)
    first.say(scriptedOpen({ asn: PEER_ASN, routerId }), KEEPALIVE)
    clock.advance(100)
    expect(peer.state).toBe('established')
    second.open()
    clock.advance(100)
    second.say(scriptedOpen({ asn: PEER_ASN, routerId }), KEEPALIVE)
    clock.advance(100)
    const collision = { type: 'notification', code: 6, subcode: 7 }
    const [kept, lost] = stays === 'first' ? [first, second] : [second, first]
    expect(lost.heard.at(-1)).toMatchObject(collision)
    expect(kept.heard).not.toContainEqual(expect.objectContaining(collision))
    expect([peer.state, lost.isClosed, kept.isClosed]).toEqual(['established', true, false])
  },
)

describe('a peer that restarts without our noticing opens another connection', () => {
  const RESTARTS: Capability = {
    kind: 'graceful-restart',
    restarting: false,
    notification: false,
    seconds: 60,
    families: [{ afi: 1, safi: 1, preserved: true }],
  }
  const greeting = (...more: readonly Capability[]): Open => {
    const open = scriptedOpen({ asn: PEER_ASN, routerId: LOWER })
    return { ...open, capabilities: [...open.capabilities, ...more] }
  }

  test.each([{ passive: false }, { passive: true }])(
    '[B-GR-05] its OPEN ends the old session, which is closed without a word (RFC 4724 §4.2); we wait for it: $passive',
    async ({ passive }) => {
      const { speaker, peer, first, second, clock, closed, heard } = await scene({ passive, restartHelp: {} }, LOWER)
      speaker.setRoutes('test', [route('198.51.100.0/24')])
      first.say(greeting(RESTARTS), KEEPALIVE, announcing('203.0.113.0/24', '203.0.113.128/25'))
      clock.advance(100)
      second.open()
      clock.advance(100)
      expect([peer.state, first.isClosed, second.heard.map(({ type }) => type)]).toEqual([
        'established',
        false,
        ['open'],
      ])
      heard.length = 0

      second.say(greeting(RESTARTS), KEEPALIVE)
      clock.advance(100)
      expect([peer.state, first.isClosed, second.isClosed]).toEqual(['established', true, false])
      expect(first.heard).not.toContainEqual(expect.objectContaining({ type: 'notification' }))
      expect(closed).toEqual(['the connection was lost: the peer has restarted, and opened another'])
      expect(second.heard.map(one => (one.type === 'update' ? shortUpdate(one) : one.type))).toEqual([
        'open',
        'keepalive',
        '+198.51.100.0/24',
        'EoR ipv4',
      ])
      second.say(announcing('203.0.113.0/24'), {
        type: 'update',
        withdrawn: [],
        announced: [],
        attributes: [],
        issues: [],
      })
      clock.advance(100)
      expect(heard).toEqual(['stale', 'routes', 'end-of-rib', 'swept'])
    },
  )

  test('[B-COL-06] one that says nothing takes nothing away, and another is not taken beside it', async () => {
    const { peer, first, second, third, clock } = await scene({}, LOWER)
    first.say(greeting(RESTARTS), KEEPALIVE)
    clock.advance(100)
    second.open()
    clock.advance(100)
    third.open()
    clock.advance(100)
    expect(third.heard.at(-1)).toMatchObject({ type: 'notification', code: 6, subcode: 7 })
    second.connection?.close('now')
    clock.advance(100)
    expect([peer.state, first.isClosed, peer.lastError]).toEqual(['established', false, undefined])
  })

  test.each([
    ['never offered to restart gracefully', []],
    ['only helps others to', [{ ...RESTARTS, families: [] }]],
  ] as const)('[B-COL-01] one of a peer that %s is refused', async (_, capabilities) => {
    const { peer, first, second, clock } = await scene({}, LOWER)
    first.say(greeting(...capabilities), KEEPALIVE)
    clock.advance(100)
    second.open()
    clock.advance(100)
    expect(second.heard.at(-1)).toMatchObject({ type: 'notification', code: 6, subcode: 7 })
    expect([peer.state, first.isClosed, second.isClosed]).toEqual(['established', false, true])
  })
})

class Side {
  readonly heard: Message[] = []
  readonly #framer = new Framer()
  isClosed = false
  connection: Connection | undefined
  open: () => void = () => {}

  /** What the network takes when it hands a connection over. */
  holds(connection: Connection): ConnectionHandlers {
    this.connection = connection
    return {
      received: bytes =>
        void this.#framer.push(bytes, frame => {
          const decoded = decodeMessage(frame, CODEC)
          if (decoded.ok) this.heard.push(decoded.message)
          return true
        }),
      closed: () => (this.isClosed = true),
      drained: () => {},
    }
  }

  say(...messages: readonly Message[]): void {
    for (const message of messages) this.connection?.write(encodeMessage(message, CODEC))
  }
}

/** The first connection stands, whoever opened it, and the peer does nothing by itself. */
async function scene(init: Partial<PeerInit>, routerId: number) {
  const clock = new SimClock()
  const random = new SimRandom(1)
  const network = new SimNetwork({ clock, random })
  const them: Address = { family: 'ipv4', value: BigInt(routerId) }
  const [first, second, third] = [new Side(), new Side(), new Side()]
  const host = network.host(them)
  await host.transport.listen!({ port: 179 }, connection => first.holds(connection))
  for (const side of [first, second, third])
    side.open = () => {
      host.transport.dial(
        { remote: US, port: 179, timeoutMs: 1_000 },
        { opened: connection => side.holds(connection), failed: () => {} },
      )
    }
  const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
  const closed: string[] = []
  events.subscribe('bgp:closed', ({ detail }) => void closed.push(detail.sentence))
  const heard: string[] = []
  const onReceived = (_: string, { type }: ReceivedChange): void => void heard.push(type)
  const speaker = createSpeaker(
    { clock, random, transport: network.host(US).transport, events, onReceived },
    { asn: 64_512, routerId: US },
  )
  await speaker.listen()
  const peer = speaker.addPeer({ name: 'peer', remote: them, peerAsn: PEER_ASN, ...init })
  if (init.passive === true) first.open()
  clock.advance(100)
  return { speaker, peer, first, second, third, clock, closed, heard }
}
