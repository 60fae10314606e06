import { EventBus } from '@metallb-ts/event-bus'
import { address, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { expect, test } from 'vitest'
import { createSpeaker, type BgpEvents, type Connection, type ConnectionHandlers } from '../src/index.ts'
import { scriptedOpen, SimNetwork } from '../src/testing/index.ts'
import { decodeMessage, encodeMessage, Framer, KEEPALIVE, type Message } from '../src/wire/index.ts'

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
    const { peer, first, second, clock } = await scene(collisionDetectEstablished, routerId)
    first.say(scriptedOpen({ asn: 64_500, routerId }), KEEPALIVE)
    clock.advance(100)
    expect(peer.state).toBe('established')
    second.open()
    clock.advance(100)
    second.say(scriptedOpen({ asn: 64_500, routerId }), KEEPALIVE)
    clock.advance(100)
    const collision = { type: 'notification', code: 6, subcode: 7 }
    const [kept, lost] = stays === 'first' ? [first, second] : [second, first]
    expect(lost.heard.at(-1)).toMatchObject(collision)
    expect(kept.heard).not.toContainEqual(expect.objectContaining(collision))
    expect([peer.state, lost.isClosed, kept.isClosed]).toEqual(['established', true, false])
  },
)

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

/** Our speaker has dialled, and a peer that does nothing by itself has taken the connection. */
async function scene(collisionDetectEstablished: boolean, routerId: number) {
  const clock = new SimClock()
  const random = new SimRandom(1)
  const network = new SimNetwork({ clock, random })
  const them: Address = { family: 'ipv4', value: BigInt(routerId) }
  const [first, second] = [new Side(), new Side()]
  const host = network.host(them)
  await host.transport.listen!({ port: 179 }, connection => first.holds(connection))
  second.open = () => {
    host.transport.dial(
      { remote: US, port: 179, timeoutMs: 1_000 },
      { opened: connection => second.holds(connection), failed: () => {} },
    )
  }
  const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
  const speaker = createSpeaker(
    { clock, random, transport: network.host(US).transport, events },
    { asn: 64_512, routerId: US },
  )
  await speaker.listen()
  const peer = speaker.addPeer({ name: 'peer', remote: them, peerAsn: 64_500, collisionDetectEstablished })
  clock.advance(100)
  return { peer, first, second, clock }
}
