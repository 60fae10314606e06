import { EventBus } from '@metallb-ts/event-bus'
import { address, mac, type Address, type Mac } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAnnouncer, type Announcer, type AnnouncerInit } from './announcer.ts'
import type { L2Events } from './events.ts'
import { SimHost, SimNode, SimSegment, type SimPort } from './testing/index.ts'
import { encodeArp } from './wire/arp.ts'

const NODE = mac('02:00:00:00:01:01')
const NODE_B = mac('02:00:00:00:01:02')
const CLIENT = mac('02:00:00:00:00:aa')
const STRANGER = mac('02:00:00:00:00:ff')
const V4 = address('192.0.2.10')
const V6 = address('2001:db8::10')
const everywhere = (...addresses: Address[]): { address: Address; interfaces: 'all' }[] =>
  addresses.map(address => ({ address, interfaces: 'all' }))

let clock: SimClock
let segment: SimSegment
let node: SimNode
let port: SimPort
let client: SimHost
let told: string[]

function announcer(init: AnnouncerInit = {}, on = node): Announcer {
  const events = new EventBus<L2Events>({
    now: () => clock.now(),
    onHandlerError: error => {
      throw error
    },
  })
  events.subscribeAll(({ name, detail }) => told.push(`${name} ${Object.values(detail).join(' ')}`))
  return createAnnouncer({ clock, random: new SimRandom(1), links: on, monitor: on, events }, init)
}

function host(hardware: Mac, last: number, isAnswering = true): SimHost {
  const addresses = [address(`192.0.2.${last}`), address(`2001:db8::${last}`)]
  return new SimHost(clock, segment, { mac: hardware, addresses, isAnswering })
}

beforeEach(() => {
  clock = new SimClock()
  segment = new SimSegment({ clock, random: new SimRandom(2) }, { isSnooping: true })
  node = new SimNode(clock)
  port = node.plug(segment, { name: 'eth0', mac: NODE })
  client = host(CLIENT, 100)
  told = []
})

/** Who the client finds for the address, if it asks now. */
function found(target: Address, by = client): Mac | undefined {
  by.ask(target)
  by.send(target)
  clock.advance(1)
  return by.neighbor(target)?.mac
}

describe('createAnnouncer', () => {
  it('[row 27] [row 28] a client finds the addresses, and its datagrams arrive', () => {
    const l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4, V6))
    expect(found(V4)).toBe(NODE)
    expect(found(V6)).toBe(NODE)
    client.send(V4)
    client.send(V6)
    clock.advance(1)
    expect(node.received.map(({ to }) => to)).toEqual([V4, V6])
    expect(l2.placements()).toEqual(
      new Map([
        ['192.0.2.10', ['eth0']],
        ['2001:db8::10', ['eth0']],
      ]),
    )
  })

  it('nothing is answered before, and nothing after', () => {
    const l2 = announcer()
    l2.start()
    expect(found(V4)).toBeUndefined()
    l2.apply(everywhere(V4, V6))
    l2.apply([])
    clock.advance(10_000)
    const late = host(STRANGER, 150)
    expect([found(V4, late), found(V6, late)]).toEqual([undefined, undefined])
    expect(l2.counters().addresses.size).toBe(0)
  })

  it('[row 29] answers are true before the network is told, and events come after both', () => {
    const l2 = announcer()
    l2.start()
    told.length = 0
    const sent: string[] = []
    const send = port.send.bind(port)
    port.send = frame => {
      // Whoever is told may ask back in the same instant.
      sent.push(`announced, ${l2.placements().get('192.0.2.10')?.join()}, ${told.length} events`)
      send(frame)
    }
    l2.apply(everywhere(V4))
    expect(sent).toEqual(['announced, eth0, 0 events', 'announced, eth0, 0 events'])
    expect(told).toEqual(['l2:gained 192.0.2.10 eth0'])
  })

  it('[row 29] a neighbour that holds the old owner follows within one frame, locktime or not', () => {
    const other = new SimNode(clock)
    other.plug(segment, { name: 'eth0', mac: NODE_B })
    const before = announcer({}, other)
    before.start()
    before.apply(everywhere(V4, V6))
    expect([found(V4), found(V6)]).toEqual([NODE_B, NODE_B])
    const after = announcer()
    after.start()
    before.apply([])
    after.apply(everywhere(V4, V6))
    clock.advance(2)
    expect([client.neighbor(V4)?.mac, client.neighbor(V6)?.mac]).toEqual([NODE, NODE])
  })

  it('[row 33] an address restricted to an interface is silent on the others', () => {
    const elsewhere = new SimSegment({ clock, random: new SimRandom(3) })
    node.plug(elsewhere, { name: 'eth1', mac: NODE_B })
    const clientThere = new SimHost(clock, elsewhere, { mac: CLIENT, addresses: [address('192.0.2.101')] })
    const l2 = announcer()
    l2.start()
    l2.apply([{ address: V4, interfaces: ['eth1'] }])
    expect(found(V4)).toBeUndefined()
    expect(found(V4, clientThere)).toBe(NODE_B)
    expect(l2.counters().ignored['not-on-this-interface']).toBeGreaterThan(0)
    expect(told).toContain('l2:gained 192.0.2.10 eth1')
    expect(told).not.toContain('l2:gained 192.0.2.10 eth0')
  })

  it('[row 33] an address named twice is answered on the union', () => {
    const l2 = announcer()
    l2.start()
    l2.apply([
      { address: V4, interfaces: ['eth9'] },
      { address: V4, interfaces: ['eth0'] },
    ])
    expect(found(V4)).toBe(NODE)
  })

  it('[row 36] an excluded interface is not opened', () => {
    const l2 = announcer({ isExcluded: name => name === 'eth0' })
    l2.start()
    l2.apply(everywhere(V4))
    expect(found(V4)).toBeUndefined()
    expect(l2.links()).toMatchObject([{ arp: 'excluded-by-name', ndp: 'excluded-by-name' }])
    expect(l2.placements().get('192.0.2.10')).toEqual([])
  })

  it('an interface without link-local address serves IPv4 alone', () => {
    node.set('eth0', { addresses: [] })
    const l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4, V6))
    expect([found(V4), found(V6)]).toEqual([NODE, undefined])
    expect(told.filter(line => line.startsWith('l2:gained'))).toEqual(['l2:gained 192.0.2.10 eth0'])
  })

  it('counts by address', () => {
    const l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4))
    clock.advance(10_000)
    client.ask(V4)
    client.ask(V4)
    clock.advance(1)
    expect(l2.counters().addresses.get('192.0.2.10')).toEqual({ requests: 2, replies: 2, gratuitous: 12, conflicts: 0 })
  })

  it('a flood is answered within the limit, and counted', () => {
    const l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4))
    for (let i = 0; i < 10_000; i++) client.ask(V4)
    clock.advance(0.1)
    expect(l2.counters().addresses.get('192.0.2.10')).toMatchObject({ requests: 10_000, replies: 100 })
    expect(l2.counters().ignored['source-over-limit']).toBe(9_900)
  })

  it('stop falls silent, publishes what is lost, and may be repeated', () => {
    const l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4))
    clock.advance(1)
    told.length = 0
    l2.stop()
    l2.stop()
    expect(told).toEqual(['l2:lost 192.0.2.10 eth0'])
    expect(found(V4)).toBeUndefined()
    expect(clock.pending).toBeLessThan(5) // the client's own timers
  })
})

describe('interfaces that change', () => {
  let l2: Announcer

  beforeEach(() => {
    l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4, V6))
    clock.advance(10_000)
    told.length = 0
    client.heard.length = 0
  })

  it('down and up: silent, then answers again, groups joined again, and everything told anew', () => {
    node.set('eth0', { isUp: false, hasCarrier: false })
    expect(found(V6)).toBeUndefined()
    expect(told).toEqual(['l2:lost 192.0.2.10 eth0', 'l2:lost 2001:db8::10 eth0', 'link:changed eth0 1 down'])
    clock.advance(12_000)
    node.set('eth0', { isUp: true, hasCarrier: true })
    expect(client.heard).toEqual([])
    clock.advance(300)
    expect(client.heard).toHaveLength(6)
    expect([found(V4), found(V6)]).toEqual([NODE, NODE])
  })

  it('carrier lost and back: everything told anew', () => {
    node.set('eth0', { hasCarrier: false })
    node.set('eth0', { hasCarrier: true })
    clock.advance(300)
    expect(client.heard).toHaveLength(6)
    expect(told).toEqual(['link:changed eth0 1 no-carrier', 'link:changed eth0 1 up'])
  })

  it('plugged in after the address came: answers for both families at once', () => {
    const elsewhere = new SimSegment({ clock, random: new SimRandom(3) }, { isSnooping: true })
    const there = new SimHost(clock, elsewhere, {
      mac: CLIENT,
      addresses: [address('192.0.2.101'), address('2001:db8::101')],
    })
    node.plug(elsewhere, { name: 'eth1', mac: NODE_B })
    expect([found(V4, there), found(V6, there)]).toEqual([NODE_B, NODE_B])
  })

  it('deleted and made again: the new one answers', () => {
    node.unplug('eth0')
    expect(told).toContain('link:changed eth0 1 gone')
    node.plug(segment, { name: 'eth0', mac: NODE_B })
    clock.advance(5)
    expect([found(V4), found(V6)]).toEqual([NODE_B, NODE_B])
  })

  it('another hardware address: told at once', () => {
    found(V4)
    node.set('eth0', { mac: NODE_B })
    clock.advance(5)
    expect(client.neighbor(V4)?.mac).toBe(NODE_B)
    expect(found(V6)).toBe(NODE_B)
  })

  it('renamed: restrictions apply by the new name', () => {
    l2.apply([{ address: V4, interfaces: ['lan0'] }])
    expect(l2.placements().get('192.0.2.10')).toEqual([])
    node.set('eth0', { name: 'lan0' })
    expect(l2.placements().get('192.0.2.10')).toEqual(['lan0'])
  })

  it('moved to a bridge: the bridge answers, the port falls silent', () => {
    node.plug(segment, { name: 'br0', mac: NODE_B, kind: 'bridge', index: 9 })
    node.set('eth0', { master: 9, masterKind: 'bridge' })
    clock.advance(20)
    expect(l2.placements().get('192.0.2.10')).toEqual(['br0'])
    expect(found(V4)).toBe(NODE_B)
  })

  it.each(['bond', 'team'])(
    'a %s whose member loses its carrier: everything told anew, also on a VLAN upon it',
    kind => {
      node.set('eth0', { kind, index: 1 } as never)
      node.plug(segment, { name: 'port0', mac: NODE_B, master: 1, index: 8 })
      node.plug(segment, { name: 'port1', mac: NODE_B, master: 1, index: 9 })
      const tagged = new SimSegment({ clock, random: new SimRandom(3) })
      node.plug(tagged, { name: 'eth0.7', mac: NODE, kind: 'vlan', parent: 1, index: 10 })
      const there = new SimHost(clock, tagged, { mac: CLIENT, addresses: [address('192.0.2.101')] })
      clock.advance(10_000)
      client.heard.length = 0
      there.heard.length = 0
      node.set('port0', { hasCarrier: false })
      clock.advance(300)
      expect([client.heard.length, there.heard.length]).toEqual([6, 6])
    },
  )

  it('a link-local address that comes late brings IPv6', () => {
    node.set('eth0', { addresses: [] })
    expect(l2.placements().get('2001:db8::10')).toEqual([])
    node.set('eth0', { addresses: [{ address: address('fe80::9'), prefixLength: 64, isTentative: false }] })
    expect(found(V6)).toBe(NODE)
  })

  it('a group that is refused is asked for again', () => {
    node.refusesGroups = true
    const later = address('2001:db8::20')
    l2.apply(everywhere(V4, V6, later))
    clock.advance(300) // what we say unasked is heard all the same
    expect(found(later)).toBeUndefined()
    node.refusesGroups = false
    clock.advance(1_000)
    expect(found(later)).toBe(NODE)
  })

  it('one that cannot be opened is tried again, and says why meanwhile', () => {
    node.openFailure = { code: 'out-of-resources', detail: 'ENOMEM' }
    node.plug(segment, { name: 'eth1', mac: NODE_B })
    expect(l2.links()).toMatchObject([{ link: { name: 'eth0' } }, { failure: { detail: 'ENOMEM' } }])
    node.openFailure = undefined
    clock.advance(2_000)
    expect(l2.placements().get('192.0.2.10')).toEqual(['eth0', 'eth1'])
    expect(l2.links().some(({ failure }) => failure !== undefined)).toBe(false)
  })
})

describe('RFC 5227 conflicts', () => {
  let l2: Announcer
  let stranger: SimHost

  beforeEach(() => {
    l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4, V6))
    found(V4)
    found(V6)
    clock.advance(10_000)
    stranger = host(STRANGER, 150)
    l2.setPeers(new Map([[NODE_B, 'node-b']]))
    told.length = 0
  })

  it.each([
    ['IPv4', V4, '192.0.2.10'],
    ['IPv6', V6, '2001:db8::10'],
  ])('%s: a stranger’s claim is told, counted, and answered', (_, target, text) => {
    stranger.claim(target)
    clock.advance(1)
    expect(l2.counters().addresses.get(text)?.conflicts).toBe(1)
    expect(client.neighbor(target)?.mac).toBe(NODE)
    expect(told).toEqual([`l2:conflict ${text} eth0 02:00:00:00:00:ff`])
  })

  it('a stranger that goes on is told and answered once in ten seconds; the address is never given up', () => {
    for (let i = 0; i < 20; i++) {
      stranger.claim(V4)
      clock.advance(1_000)
    }
    expect(told).toHaveLength(2)
    expect(l2.counters().addresses.get('192.0.2.10')?.conflicts).toBe(20)
    expect(l2.placements().get('192.0.2.10')).toEqual(['eth0'])
  })

  it('another announcer of ours is outlasted, and reported by name if it goes on', () => {
    l2.setPeers(new Map([[STRANGER, 'node-b']]))
    stranger.claim(V4)
    clock.advance(1)
    expect(client.neighbor(V4)?.mac).toBe(STRANGER)
    clock.advance(250)
    expect(client.neighbor(V4)?.mac).toBe(NODE)
    expect(told).toEqual([])
    stranger.claim(V4)
    clock.advance(1)
    expect(told).toEqual(['l2:conflict 192.0.2.10 eth0 02:00:00:00:00:ff node-b'])
  })

  it('while nobody knows whose hardware address is whose, a claim is reported once a move would be over', () => {
    l2.setPeers(undefined)
    stranger.claim(V4)
    clock.advance(249)
    expect(told).toEqual([])
    clock.advance(2)
    expect(told).toEqual(['l2:conflict 192.0.2.10 eth0 02:00:00:00:00:ff'])
    expect(client.neighbor(V4)?.mac).toBe(NODE)
  })

  it('whoever takes an address over that we give up a moment later is no conflict, known or not', () => {
    const unaware = announcer()
    l2.stop()
    unaware.start()
    unaware.apply(everywhere(V4))
    clock.advance(10_000)
    told.length = 0
    stranger.claim(V4)
    clock.advance(40)
    unaware.apply([])
    clock.advance(1_000)
    expect(client.neighbor(V4)?.mac).toBe(STRANGER)
    expect(told).toEqual(['l2:lost 192.0.2.10 eth0'])
  })

  it('RFC 4862 §5.4.3: who checks for duplicates hears that the address is taken', () => {
    stranger.heardNeighbor.length = 0
    stranger.probe(V6)
    clock.advance(1)
    expect(stranger.heardNeighbor).toMatchObject([{ target: V6, linkAddress: NODE, flags: 0x20 }])
  })

  it('claims from ten thousand hardware addresses are bounded', () => {
    const wire = segment.plug(() => {})
    for (let i = 0; i < 5_000; i++) {
      const hardware = (0x0200_0001_0000 + i) as Mac
      const value = Number(V4.value)
      wire.send(
        encodeArp({
          destination: mac('ff:ff:ff:ff:ff:ff'),
          source: hardware,
          operation: 2,
          senderMac: hardware,
          senderAddress: value,
          targetMac: hardware,
          targetAddress: value,
        }),
      )
    }
    client.heard.length = 0
    clock.advance(1)
    expect(clock.pending).toBeLessThan(1_100)
    expect(l2.counters().addresses.get('192.0.2.10')?.conflicts).toBe(5_000)
    expect(client.heard.filter(({ source }) => source === NODE)).toHaveLength(2) // one defence, both forms
  })
})

describe('two interfaces on one segment', () => {
  let l2: Announcer

  beforeEach(() => {
    node.plug(segment, { name: 'eth1', mac: NODE_B })
    l2 = announcer()
    l2.start()
    l2.apply(everywhere(V4, V6))
    clock.advance(10_000)
  })

  it('one answers, the one of lowest index', () => {
    client.heard.length = 0
    client.heardNeighbor.length = 0
    const before = l2.counters().ignored['same-segment']
    client.ask(V4)
    client.ask(V6)
    clock.advance(1)
    expect(client.heard.map(({ source }) => source)).toEqual([NODE])
    expect(client.heardNeighbor.map(({ etherSource }) => etherSource)).toEqual([NODE])
    expect(l2.counters().ignored['same-segment']).toBe(before + 2)
    expect(told.filter(line => line.startsWith('l2:conflict'))).toEqual([])
  })

  it('the other answers when the first has no carrier', () => {
    port.cut()
    node.set('eth0', { hasCarrier: false })
    client.ask(V4)
    client.send(V4)
    clock.advance(1)
    expect(client.neighbor(V4)?.mac).toBe(NODE_B)
  })

  it('and for an address that only it may answer', () => {
    l2.apply([{ address: V4, interfaces: ['eth1'] }])
    expect(found(V4)).toBe(NODE_B)
  })
})
