import { address } from '@metallb-ts/netip'
import { expect, test } from 'vitest'
import { hosts, route, Scene } from './scripted-scene.ts'

const MANY = 12_000 // more than one turn takes in
const HOST_OCTETS = 5

/** Octets of an UPDATE beside its prefixes, as the peer sees them. */
function overhead(frame: Uint8Array): number {
  const attributes = (frame[21]! << 8) | frame[22]!
  return 23 + attributes
}

test('[B-RIB-05] a large set that comes all at once leaves in as few UPDATEs as hold it, and goes in as few', () => {
  const scene = new Scene().establish()
  scene.peer.frames.length = 0
  scene.routes(...hosts(MANY))
  scene.advance(1_000)
  const announcing = scene.peer.frames.splice(0)
  const room = Math.floor((4_096 - overhead(announcing[0]!)) / HOST_OCTETS)
  expect(announcing).toHaveLength(Math.ceil(MANY / room))
  expect(scene.session.prefixes).toEqual({ advertised: MANY, desired: MANY })
  scene.routes()
  scene.advance(1_000)
  expect(scene.peer.frames).toHaveLength(Math.ceil(MANY / Math.floor((4_096 - 23) / HOST_OCTETS)))
  expect(scene.session.prefixes).toEqual({ advertised: 0, desired: 0 })
})

test('a thousand changes of one turn are one flush', () => {
  const scene = new Scene().establish()
  scene.take()
  for (const [i, one] of hosts(700).entries()) scene.speaker.setRoutes(`service-${i}`, [one])
  expect(scene.take()).toEqual([])
  scene.advance(0)
  expect(scene.take()).toHaveLength(1)
  const told = scene.told.filter(text => text.startsWith('bgp:advertised'))
  expect(told).toHaveLength(1)
})

test('so they are when the peers are so many that no one turn takes them in', () => {
  const scene = new Scene().establish()
  for (let i = 0; i < 100; i++)
    scene.speaker.addPeer({ name: `other-${i}`, remote: address(`198.51.100.${i}`), peerAsn: 64_513, passive: true })
  scene.take()
  for (const [i, one] of hosts(700).entries()) scene.speaker.setRoutes(`service-${i}`, [one])
  for (let ms = 0; ms < 50; ms++) scene.advance(1)
  expect(scene.take()).toHaveLength(1)
  expect(scene.session.prefixes.advertised).toBe(700)
})

test('[B-GR-02] a peer that is added while a large set is taken in hears End-of-RIB after all of it', () => {
  const scene = new Scene({ peer: { gracefulRestart: { seconds: 60 } } })
  scene.speaker.setRoutes('test', hosts(MANY))
  const restart = {
    kind: 'graceful-restart',
    restarting: false,
    notification: false,
    seconds: 60,
    families: [],
  } as const
  scene.advance(0)
  scene.peer.connect()
  scene.peer.greet({ asn: 64_513, capabilities: [...OPEN_CAPABILITIES, restart] })
  scene.advance(1_000)
  const said = scene.take().filter(text => text.startsWith('EoR') || text.startsWith('+'))
  expect(said.slice(-2)).toEqual(['EoR ipv4', 'EoR ipv6'])
  expect(said.findIndex(text => text.startsWith('EoR'))).toBe(said.length - 2)
  expect(scene.session.prefixes.advertised).toBe(MANY)
})

test('[B-RIB-01] a set that is replaced while it is taken in ends as the last one says', () => {
  const scene = new Scene().establish()
  scene.speaker.setRoutes('test', hosts(MANY))
  scene.speaker.setRoutes('test', [route('203.0.113.1/32')])
  scene.advance(1_000)
  expect(scene.session.advertised()).toEqual(['203.0.113.1/32'])
  scene.speaker.setRoutes('test', hosts(MANY))
  scene.speaker.setRoutes('test', [])
  scene.advance(1_000)
  expect(scene.session.advertised()).toEqual([])
  expect(scene.session.isFlushed).toBe(true)
})

test('however often it is replaced half way, what is announced in the end is the last set', () => {
  const scene = new Scene().establish()
  for (let i = 0; i < 30; i++) {
    scene.speaker.setRoutes('test', i % 2 === 0 ? hosts(MANY) : hosts(MANY).slice(i * 100))
    scene.advance(0)
  }
  scene.speaker.setRoutes('test', hosts(10))
  expect(scene.session.isFlushed).toBe(false)
  scene.advance(1_000)
  expect(scene.session.advertised()).toHaveLength(10)
  scene.speaker.setRoutes('test', [])
  scene.advance(1_000)
  expect(scene.session.prefixes).toEqual({ advertised: 0, desired: 0 })
})

test('a peer has not been told all while a set is still taken in, though nothing of it was for this peer so far', () => {
  const scene = new Scene().establish()
  const forOthers = hosts(MANY).map(one => ({ ...one, peers: ['other'] }))
  scene.speaker.setRoutes('test', [...forOthers, route('203.0.113.1/32')])
  expect(scene.session.isFlushed).toBe(false)
  scene.advance(1_000)
  expect(scene.session.isFlushed).toBe(true)
  expect(scene.session.advertised()).toEqual(['203.0.113.1/32'])
})

test('[B-RIB-01] who stops while a large set is taken in announces nothing of it', async () => {
  const scene = new Scene().establish()
  scene.speaker.setRoutes('first', hosts(MANY))
  scene.speaker.setRoutes('second', [route('203.0.113.1/32')])
  scene.take()
  const stopping = scene.speaker.stop()
  for (let i = 0; i < 50; i++) {
    scene.advance(100)
    await Promise.resolve()
  }
  await stopping
  expect(scene.take()).toEqual(['N6/2'])
})

test('[B-RIB-01] who stops takes back what many sources announce over turns, and all of it', async () => {
  const scene = new Scene().establish()
  hosts(MANY).forEach((one, i) => scene.speaker.setRoutes(`source ${i}`, [one]))
  scene.advance(1_000)
  expect(scene.session.advertised()).toHaveLength(MANY)
  scene.take()
  const stopping = scene.speaker.stop()
  expect(scene.session.prefixes.desired).toBeGreaterThan(MANY / 2)
  for (let i = 0; i < 50; i++) {
    scene.advance(100)
    await Promise.resolve()
  }
  await stopping
  const withdrawals = scene.peer.take()
  expect(withdrawals.at(-1)?.type).toBe('notification')
  expect(withdrawals.reduce((sum, one) => sum + (one.type === 'update' ? one.withdrawn.length : 0), 0)).toBe(MANY)
})

test('a peer that is removed while it is told keeps no other waiting', () => {
  const scene = new Scene().establish()
  scene.speaker.setRoutes('test', hosts(MANY))
  scene.advance(1_000)
  scene.speaker.addPeer({ name: 'other', remote: address('192.0.2.9'), peerAsn: 64_513 })
  scene.speaker.setRoutes('more', [route('203.0.113.1/32')])
  void scene.speaker.removePeer('other')
  scene.advance(0)
  expect(scene.session.isAdvertised('203.0.113.1/32')).toBe(true)
})

test('[B-RR-01] a refresh in the middle of it tells each route at least once, and in the end everything', () => {
  const scene = new Scene().establish()
  scene.speaker.setRoutes('test', hosts(MANY))
  scene.advance(2)
  scene.peer.send({ type: 'route-refresh', afi: 1, safi: 1, subtype: 0 })
  scene.speaker.setRoutes('more', [route('203.0.113.1/32')])
  scene.advance(1_000)
  const told = new Set(scene.updates().flatMap(({ announced }) => announced.map(({ address }) => address.value)))
  expect(told.size).toBe(MANY + 1)
  expect(scene.session.prefixes).toEqual({ advertised: MANY + 1, desired: MANY + 1 })
})

const OPEN_CAPABILITIES = [
  { kind: 'multiprotocol', afi: 1, safi: 1 },
  { kind: 'multiprotocol', afi: 2, safi: 1 },
  { kind: 'four-octet-as', asn: 64_513 },
] as const
