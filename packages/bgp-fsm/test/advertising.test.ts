import { address, formatAddress } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { WELL_KNOWN_COMMUNITIES } from '../src/index.ts'
import { scriptedOpen } from '../src/testing/index.ts'
import { unicast, type Capability, type Open } from '../src/wire/index.ts'
import { find, hosts, OUR_ASN, PEER_ASN, route, Scene, THEM6, US, US6 } from './scripted-scene.ts'

const RESTART = { kind: 'graceful-restart', restarting: false, notification: true, seconds: 120, families: [] } as const

/** The OPEN of a peer that offers more than most. */
function offering(...more: readonly Capability[]): Open {
  const open = scriptedOpen({ asn: PEER_ASN })
  return { ...open, capabilities: [...open.capabilities, ...more] }
}

describe('what a peer is told', () => {
  test('[B-FSM-07] [B-RIB-02] on a new session the whole set, then End-of-RIB of each family; again after a reset', () => {
    const scene = new Scene()
    scene.routes(route('198.51.100.0/24'), route('2001:db8:1::/48'))
    scene.establish(offering(RESTART))
    const [open, keepalive, ...rest] = scene.take()
    expect([open, keepalive]).toEqual(['open', 'keepalive'])
    expect(rest).toEqual(['+198.51.100.0/24', '+2001:db8:1::/48', 'EoR ipv4', 'EoR ipv6'])
    scene.peer.close()
    for (let i = 0; i < 20 && scene.peer.dials.length < 2; i++) scene.advance(1_000)
    scene.establish(offering(RESTART))
    expect(scene.take().slice(2)).toEqual(rest)
  })

  test('[B-FSM-07] before the KEEPALIVE of the peer nothing is told of routes', () => {
    const scene = new Scene()
    scene.routes(route('198.51.100.0/24'))
    scene.peer.connect()
    scene.peer.send(scriptedOpen({ asn: PEER_ASN }))
    scene.advance(1_000)
    expect(scene.take()).toEqual(['open', 'keepalive'])
    expect(scene.session.state).toBe('open-confirm')
  })

  test('[B-RIB-01] the difference and nothing else; the same again is nothing', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.routes(route('10.0.0.0/24'), route('10.0.1.0/24'), route('2001:db8:1::/48'))
    expect(scene.take()).toHaveLength(2)
    scene.routes(route('10.0.0.0/24'), route('10.0.1.0/24'), route('2001:db8:1::/48'))
    expect(scene.take()).toEqual([])
    scene.routes(route('10.0.0.0/24'), route('10.0.2.0/24'), route('2001:db8:1::/48', { med: 7 }))
    expect(scene.take()).toEqual(['-10.0.1.0/24', '+10.0.2.0/24', '+2001:db8:1::/48'])
    // There and back in one turn is nothing.
    scene.speaker.setRoutes('test', [])
    scene.routes(route('10.0.0.0/24'), route('10.0.2.0/24'), route('2001:db8:1::/48', { med: 7 }))
    expect(scene.take()).toEqual([])
  })

  test('[B-RIB-06] withdrawals go first', () => {
    const scene = new Scene().establish()
    scene.routes(route('10.0.0.0/24'), route('2001:db8:1::/48'))
    scene.take()
    scene.routes(route('10.9.0.0/24'), route('2001:db8:9::/48'))
    expect(scene.take().map(text => text[0])).toEqual(['-', '-', '+', '+'])
  })

  test('[B-RIB-03] outside our AS first and no LOCAL_PREF; inside the reverse', () => {
    const attributes = { localPreference: 250, asPathPrepend: 2 }
    const outside = new Scene().establish()
    outside.take()
    outside.routes(route('10.0.0.0/24', attributes))
    const [external] = outside.updates()
    expect(find(external!.attributes, 'as-path')).toMatchObject({
      segments: [{ type: 'sequence', asns: [OUR_ASN, OUR_ASN, OUR_ASN] }],
    })
    expect(find(external!.attributes, 'local-preference')).toBeUndefined()
    const inside = new Scene({ peer: { peerAsn: 'internal' } })
    inside.peer.codec = { fourOctetAs: true, internal: true }
    inside.establish({ ...scriptedOpen({ asn: OUR_ASN }), routerId: 0xc0000202 })
    inside.take()
    inside.routes(route('10.0.0.0/24', attributes), route('10.0.1.0/24'))
    const updates = inside.updates()
    expect(updates.map(update => find(update.attributes, 'as-path')?.segments)).toEqual([[], []])
    expect(updates.map(update => find(update.attributes, 'local-preference')?.value).sort()).toEqual([100, 250])
  })

  test('[B-RIB-04] equal attributes are equal octets, in whichever order they were said', () => {
    const frames = [
      {
        communities: [3, 1, 2],
        largeCommunities: [
          { global: 2, local1: 0, local2: 0 },
          { global: 1, local1: 0, local2: 0 },
        ],
        med: 5,
      },
      {
        med: 5,
        largeCommunities: [
          { global: 1, local1: 0, local2: 0 },
          { global: 2, local1: 0, local2: 0 },
        ],
        communities: [2, 3, 1, 1],
      },
    ].map(attributes => {
      const scene = new Scene().establish()
      scene.peer.frames.length = 0
      scene.routes(route('10.0.0.0/24', attributes))
      return Buffer.from(scene.peer.frames[0]!).toString('hex')
    })
    expect(frames[0]).toBe(frames[1])
  })

  test.each([
    [4_096, 100_000],
    [512, 1_000],
  ])('[B-RIB-05] prefixes are packed as tightly as %i octets allow', (maxUpdateSize, count) => {
    const scene = new Scene({ peer: { maxUpdateSize } }).establish()
    scene.peer.frames.length = 0
    scene.routes(...hosts(count))
    for (let i = 0; i < 50; i++) scene.advance(1)
    const { frames } = scene.peer
    const attributes = frames[0]![21]! * 256 + frames[0]![22]!
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(maxUpdateSize)
    expect(frames).toHaveLength(Math.ceil(count / Math.floor((maxUpdateSize - 23 - attributes) / 5)))
    expect(scene.session.prefixes).toEqual({ advertised: count, desired: count })
  })

  test('[B-EXT-03] messages above 4096 octets only where both offered it, and never above what is configured', () => {
    const longest = (peer: object, capabilities: readonly object[]): number => {
      const scene = new Scene({ peer })
      const open = scriptedOpen({ asn: PEER_ASN })
      scene.establish({ ...open, capabilities: [...open.capabilities, ...capabilities] as never })
      scene.peer.frames.length = 0
      scene.routes(...hosts(14_000))
      for (let i = 0; i < 50; i++) scene.advance(1)
      return Math.max(...scene.peer.frames.map(({ length }) => length))
    }
    const theirs = [{ kind: 'extended-message' }]
    const within = (least: number, most: number): object => expect.toSatisfy(n => n > least && n <= most) as object
    expect(longest({ extendedMessages: true, maxUpdateSize: 65_535 }, theirs)).toEqual(within(65_000, 65_535))
    expect(longest({ extendedMessages: true, maxUpdateSize: 20_000 }, theirs)).toEqual(within(19_900, 20_000))
    expect(longest({ extendedMessages: true, maxUpdateSize: 65_535 }, [])).toEqual(within(4_000, 4_096))
    expect(longest({ maxUpdateSize: 65_535 }, theirs)).toEqual(within(4_000, 4_096))
  })

  test('[B-EXT-04] a route whose attributes do not fit is withdrawn, and reported; others are told', () => {
    const scene = new Scene({ peer: { maxUpdateSize: 512 } }).establish()
    scene.routes(route('10.0.0.0/24'), route('10.0.1.0/24'))
    scene.take()
    const communities = Array.from({ length: 200 }, (_, i) => i)
    scene.routes(route('10.0.0.0/24', { communities }), route('10.0.1.0/24', { med: 1 }))
    expect(scene.take()).toEqual(['-10.0.0.0/24', '+10.0.1.0/24'])
    expect(scene.session.pending()).toEqual([{ key: '10.0.0.0/24', reason: 'attributes-too-long' }])
  })

  test('[B-RIB-08] a route of a family that was not agreed on waits, and can be seen', () => {
    const scene = new Scene()
    scene.routes(route('10.0.0.0/24'), route('2001:db8:1::/48'))
    scene.establish({ capabilities: [unicast('ipv4'), { kind: 'four-octet-as', asn: PEER_ASN }] })
    expect(scene.take().slice(2)).toEqual(['+10.0.0.0/24'])
    expect(scene.session.pending()).toEqual([{ key: '2001:db8:1::/48', reason: 'family-not-negotiated' }])
    expect(scene.session.prefixes).toEqual({ advertised: 1, desired: 2 })
  })

  test('[B-RIB-07] [B-TRN-05] a peer that takes nothing costs one entry a prefix, and gets the latest word only', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.peer.isFull = true
    scene.routes(route('10.0.0.0/24', { med: 0 }))
    expect(scene.take()).toEqual(['+10.0.0.0/24'])
    for (let med = 1; med <= 1_000; med++) scene.routes(route('10.0.0.0/24', { med }), route('10.0.1.0/24', { med }))
    expect(scene.take()).toEqual([])
    expect(scene.session.prefixes.desired).toBe(2)
    scene.peer.drain()
    scene.advance(0)
    const [update, ...others] = scene.updates()
    expect(others).toEqual([])
    expect(find(update!.attributes, 'med')?.value).toBe(1_000)
  })

  test('[B-FSM-20] a peer that takes nothing for eight minutes is given up with N(8/0)', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.peer.isFull = true
    scene.routes(route('10.0.0.0/24'))
    for (let minute = 0; minute < 8; minute++) {
      expect(scene.session.state).toBe('established')
      for (let s = 0; s < 60; s += 20) {
        scene.peer.send({ type: 'keepalive' })
        scene.advance(20_000)
      }
    }
    expect(scene.take()).toContain('N8/0')
    expect(scene.told.some(text => text.includes('send-hold-timer-expired'))).toBe(true)
  })

  test('[B-TIM-06] queued UPDATEs do not hold a KEEPALIVE back', () => {
    const scene = new Scene({ peer: { maxUpdateSize: 512, holdSeconds: 3 } }).establish({ holdTime: 3 })
    scene.take()
    scene.speaker.setRoutes('test', hosts(60_000))
    const kinds: string[] = []
    for (let ms = 0; ms < 3_000; ms += 10) {
      scene.advance(10)
      if (ms % 900 === 0) scene.peer.send({ type: 'keepalive' })
      kinds.push(...scene.peer.take().map(({ type }) => type))
    }
    expect(kinds.filter(type => type === 'keepalive').length).toBeGreaterThanOrEqual(2)
    expect(scene.session.state).toBe('established')
  })

  test('[B-RIB-09] draining announces GRACEFUL_SHUTDOWN, waits, withdraws, and only then ends', async () => {
    const scene = new Scene().establish()
    scene.routes(route('10.0.0.0/24', { communities: [1] }))
    scene.take()
    const stopped = scene.speaker.stop({ drainMs: 5_000, reason: 'maintenance' })
    const later = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 100) {
        scene.advance(100)
        await Promise.resolve()
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    await later(1_000)
    const [marked] = scene.updates()
    const communities = [WELL_KNOWN_COMMUNITIES['graceful-shutdown'], 1]
    expect(find(marked!.attributes, 'communities')?.values.toSorted()).toEqual(communities.toSorted())
    await later(3_000)
    expect(scene.take()).toEqual([])
    await later(2_000)
    expect(scene.take()).toEqual(['-10.0.0.0/24', 'N6/2'])
    await later(1_000)
    await stopped
  })

  test('[B-MP-05] MP_REACH_NLRI stands first, and no NEXT_HOP beside it', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.routes(route('2001:db8:1::/48', { nextHop: address('2001:db8::99') }))
    const [update] = scene.updates()
    expect(update!.attributes[0]!.kind).toBe('mp-reach')
    expect(find(update!.attributes, 'next-hop')).toBeUndefined()
  })

  test('[B-MP-07] over IPv4 an IPv6 route without a next hop of its family waits: a mapped address is none', () => {
    const peer = { families: ['ipv4', 'ipv6'] as const }
    const scene = new Scene({ peer: { ...peer, ownAddresses: {} } }).establish()
    scene.take()
    scene.routes(route('2001:db8:1::/48'))
    expect(scene.session.pending()).toEqual([{ key: '2001:db8:1::/48', reason: 'no-next-hop' }])
    for (const update of scene.updates()) {
      for (const hop of find(update.attributes, 'mp-reach')?.nextHops ?? []) {
        expect(formatAddress(hop)).not.toMatch(/^::ffff:/)
      }
    }
    const own = new Scene({ peer: { ...peer, ownAddresses: { ipv6: US6 } } }).establish()
    own.take()
    own.routes(route('2001:db8:1::/48'))
    expect(own.updates().map(({ attributes }) => find(attributes, 'mp-reach')!.nextHops.map(formatAddress))).toEqual([
      ['2001:db8::1'],
    ])
  })

  test('[B-MP-05] over IPv6 an IPv4 route goes by the IPv4 address that is configured', () => {
    const scene = new Scene({ remote: THEM6, local: US6, peer: { ownAddresses: { ipv4: US }, extendedNextHop: false } })
    scene.establish()
    scene.take()
    scene.routes(route('10.0.0.0/24'))
    const [update] = scene.updates()
    expect(find(update!.attributes, 'next-hop')).toEqual({ kind: 'next-hop', address: US })
  })

  test('[B-AP-03] the same prefix with the same path identifier again replaces', () => {
    const scene = new Scene({ peer: { addPath: ['ipv4'] } })
    const open = scriptedOpen({ asn: PEER_ASN })
    const addPath = { kind: 'add-path', tuples: [{ afi: 1, safi: 1, mode: 'receive' }] }
    scene.establish({ ...open, capabilities: [...open.capabilities, addPath] as never })
    scene.peer.codec = { ...scene.peer.codec, pathIds: ['ipv4'] }
    scene.take()
    scene.routes(route('10.0.0.0/24', { med: 1 }, 1), route('10.0.0.0/24', { med: 2 }, 2))
    expect(scene.take().toSorted()).toEqual(['+10.0.0.0/24#1', '+10.0.0.0/24#2'])
    scene.routes(route('10.0.0.0/24', { med: 9 }, 1), route('10.0.0.0/24', { med: 2 }, 2))
    expect(scene.take()).toEqual(['+10.0.0.0/24#1'])
    expect(scene.session.prefixes.advertised).toBe(2)
    scene.routes(route('10.0.0.0/24', { med: 2 }, 2))
    expect(scene.take()).toEqual(['-10.0.0.0/24#1'])
  })
})

describe('route refresh', () => {
  const refresh = (afi: number, subtype = 0): object => ({ type: 'route-refresh', afi, safi: 1, subtype })

  test('[B-RR-02] enhanced: the family again, between its two marks', () => {
    const scene = new Scene({ peer: { gracefulRestart: { seconds: 120 } } })
    const open = scriptedOpen({ asn: PEER_ASN })
    const enhanced = [{ kind: 'enhanced-route-refresh' }, RESTART]
    scene.establish({ ...open, capabilities: [...open.capabilities, ...enhanced] as never })
    scene.routes(route('10.0.0.0/24'), route('2001:db8:1::/48'))
    scene.take()
    scene.peer.send(refresh(1) as never)
    scene.advance(0)
    expect(scene.take()).toEqual(['refresh 1/1', '+10.0.0.0/24', 'refresh 1/2'])
  })

  test('[B-RR-04] unknown subtypes and families are ignored', () => {
    const scene = new Scene().establish()
    scene.routes(route('10.0.0.0/24'))
    scene.take()
    for (const message of [refresh(1, 7), refresh(1, 255), refresh(25), refresh(0)]) scene.peer.send(message as never)
    scene.advance(1_000)
    expect(scene.take()).toEqual([])
    expect(scene.session.state).toBe('established')
  })
})

describe('graceful restart', () => {
  test('[B-GR-01] the restart bit stands in the first OPEN after our restart, and in no later one', () => {
    const scene = new Scene({
      peer: { gracefulRestart: { seconds: 120 } },
      speaker: { isRestarting: true },
    })
    const bits: boolean[] = []
    for (let i = 0; i < 3; i++) {
      for (let s = 0; s < 60 && scene.peer.dials.length <= i; s++) scene.advance(1_000)
      scene.peer.connect()
      const open = scene.peer.take().find(({ type }) => type === 'open') as never as {
        capabilities: { kind: string; restarting?: boolean }[]
      }
      bits.push(open.capabilities.find(({ kind }) => kind === 'graceful-restart')!.restarting!)
      scene.peer.greet({ asn: PEER_ASN })
      scene.advance(0)
      scene.peer.close()
    }
    expect(bits).toEqual([true, false, false])
  })

  test('[B-GR-02] End-of-RIB waits until the first set is complete', () => {
    const scene = new Scene({ speaker: { initialSyncMs: 30_000 } })
    scene.establish(offering(RESTART))
    scene.routes(route('10.0.0.0/24'))
    scene.advance(10_000)
    expect(scene.take().filter(text => text.startsWith('EoR'))).toEqual([])
    scene.speaker.markSynced()
    scene.advance(0)
    expect(scene.take()).toEqual(['EoR ipv4', 'EoR ipv6'])
  })

  test('[B-GR-02] or until its deadline', () => {
    const scene = new Scene({ speaker: { initialSyncMs: 30_000 } })
    scene.establish(offering(RESTART))
    scene.advance(29_999)
    expect(scene.take().filter(text => text.startsWith('EoR'))).toEqual([])
    scene.advance(1)
    scene.advance(0)
    expect(scene.take().filter(text => text.startsWith('EoR'))).toEqual(['EoR ipv4', 'EoR ipv6'])
  })

  test('[B-GR-07] a peer that never says End-of-RIB keeps nothing of ours back', () => {
    const scene = new Scene({ peer: { gracefulRestart: { seconds: 120 } } })
    scene.establish(offering({ ...RESTART, restarting: true }))
    scene.routes(route('10.0.0.0/24'))
    expect(scene.take()).toContain('+10.0.0.0/24')
  })

  test('[B-GR-04] a session that ends for good leaves no stale route: withdrawn, then a NOTIFICATION that is a hard reset', async () => {
    const scene = new Scene({ peer: { gracefulRestart: { seconds: 120 } } })
    scene.establish(offering(RESTART))
    scene.routes(route('10.0.0.0/24'))
    scene.take()
    const stopped = scene.speaker.stop()
    for (let i = 0; i < 50; i++) {
      scene.advance(100)
      await new Promise(resolve => setImmediate(resolve))
    }
    await stopped
    expect(scene.take()).toEqual(['-10.0.0.0/24', 'N6/9'])
  })
})
