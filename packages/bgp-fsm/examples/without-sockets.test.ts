import { createSpeaker, type BgpEvents } from '@metallb-ts/bgp-fsm'
import { ScriptedPeer } from '@metallb-ts/bgp-fsm/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { address, prefix } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { expect, test } from 'vitest'

test('a router that falls silent is given up after the hold time, and dialled again', () => {
  const clock = new SimClock()
  const router = new ScriptedPeer(address('192.0.2.1'), address('192.0.2.10'))
  const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
  const speaker = createSpeaker(
    { clock, random: new SimRandom(1), transport: router.transport, events },
    { asn: 64_512, routerId: address('192.0.2.10') },
  )
  const peer = speaker.addPeer({ name: 'router', remote: router.address, peerAsn: 64_500, holdSeconds: 9 })
  speaker.setRoutes('web', [{ prefix: prefix('203.0.113.7/32'), attributes: {} }])

  router.establish({ asn: 64_500 })
  expect(router.take().map(({ type }) => type)).toEqual(['open', 'keepalive', 'update'])

  clock.advance(10_000)
  expect(router.take().at(-1)).toMatchObject({ type: 'notification', code: 4 })
  expect(peer.lastError).toMatchObject({ because: 'hold-timer-expired' })

  clock.advance(1_000)
  expect(router.dials).toHaveLength(2)
})
