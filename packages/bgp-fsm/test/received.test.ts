import { EventBus } from '@metallb-ts/event-bus'
import { address, prefix, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { expect, test } from 'vitest'
import { createSpeaker, type BgpEvents, type Speaker } from '../src/index.ts'
import { SimNetwork } from '../src/testing/index.ts'

const [US, ROUTER, THIRD] = [address('192.0.2.1'), address('192.0.2.2'), address('192.0.2.3')]

test('[row 91] [B-RIB-10] received routes are judged and counted, told to nobody, and go with the session', async () => {
  const clock = new SimClock()
  const random = new SimRandom(1)
  const network = new SimNetwork({ clock, random })
  const settled = async (ms: number): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      clock.advance(ms / 20)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  const speaker = async (asn: number, own: Address): Promise<Speaker> => {
    const events = new EventBus<BgpEvents>({
      now: () => clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    const made = createSpeaker(
      { clock, random, transport: network.host(own).transport, events },
      { asn, routerId: own },
    )
    await made.listen()
    return made
  }
  const us = await speaker(64_512, US)
  const router = await speaker(64_513, ROUTER)
  const third = await speaker(64_514, THIRD)
  for (const [other, name, remote, peerAsn] of [
    [router, 'router', ROUTER, 64_513],
    [third, 'third', THIRD, 64_514],
  ] as const) {
    other.addPeer({ name: 'us', remote: US, peerAsn: 64_512, passive: true })
    us.addPeer({ name, remote, peerAsn, maxPrefixes: 100 }) // with a limit, prefixes are counted one by one
  }
  await settled(5_000)
  router.setRoutes(
    'its own',
    ['198.51.100.0/24', '203.0.113.0/24'].map(text => ({ prefix: prefix(text), attributes: {} })),
  )
  await settled(2_000)
  expect(us.peers.get('router')!.receivedCount).toBe(2)
  expect(us.peers.get('router')!.counters.updatesReceived).toBeGreaterThan(0)
  expect(third.peers.get('us')!.receivedCount).toBe(0)
  expect(us.peers.get('third')!.prefixes).toEqual({ advertised: 0, desired: 0 })
  router.setRoutes('its own', [])
  await settled(2_000)
  expect(us.peers.get('router')!.receivedCount).toBe(0)
  router.setRoutes('its own', [{ prefix: prefix('198.51.100.0/24'), attributes: {} }])
  await settled(2_000)
  expect(us.peers.get('router')!.receivedCount).toBe(1)
  us.peers.get('router')!.reset()
  expect(us.peers.get('router')!.receivedCount).toBe(0)
})
