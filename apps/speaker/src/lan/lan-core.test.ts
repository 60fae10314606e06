import type { Publisher } from '@metallb-ts/event-bus'
import { SimHost, SimNode, SimSegment } from '@metallb-ts/l2-announcer/testing'
import { address, formatMac, mac } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { LanBfd } from './bfd.ts'
import { LanCore, type LanMembers } from './lan-core.ts'
import type { LanEvents } from './lan.ts'
import type { FromLan } from './protocol.ts'

const HARDWARE = mac('02:00:00:00:00:01')
const V4 = address('192.0.2.10')

let clock: SimClock
let node: SimNode
let client: SimHost
let posted: FromLan[]
let ended: number

beforeEach(() => {
  clock = new SimClock()
  const segment = new SimSegment({ clock, random: new SimRandom(1) })
  node = new SimNode(clock)
  node.plug(segment, { name: 'eth0', mac: HARDWARE })
  client = new SimHost(clock, segment, { mac: mac('02:00:00:00:00:aa'), addresses: [address('192.0.2.1')] })
  posted = []
  ended = 0
})

function core(excludedInterfaces: readonly string[] = [], members?: LanMembers, bfd?: LanBfd): LanCore {
  const started = new LanCore(
    {
      clock,
      random: new SimRandom(1),
      links: node,
      monitor: node,
      post: message => void posted.push(structuredClone(message)),
      arpIgnore: () => 0,
      end: () => ended++,
    },
    { node: 'node-a', excludedInterfaces },
    members === undefined ? undefined : () => members,
    bfd === undefined ? undefined : () => bfd,
  )
  started.start()
  return started
}

const NOBODY: LanMembers = {
  setPeers: () => {},
  setLinks: () => {},
  reconnected: () => {},
  deadMs: 200,
  linksOf: () => undefined,
  hardware: () => undefined,
  alive: () => ['node-a'],
  coming: () => [],
  hold: () => {},
  holdings: () => new Map(),
  leave: () => {},
  close: () => {},
}

const types = (): string[] => posted.map(({ type }) => type)

describe('LanCore', () => {
  it('starts, and shows the interfaces before it tells of them', () => {
    core()
    clock.advance(1)
    expect(types()).toEqual(['started', 'links', 'events'])
    expect(posted[1]).toMatchObject({ links: [{ name: 'eth0', mac: '02:00:00:00:00:01', arp: 'used', ndp: 'used' }] })
  })

  it('holds what it is told to, and tells of all of it in one message', () => {
    const lan = core()
    clock.advance(1)
    posted.length = 0
    lan.onMessage({
      type: 'apply',
      desired: [
        { address: V4, interfaces: 'all' },
        { address: address('2001:db8::1'), interfaces: 'all' },
      ],
    })
    client.send(V4)
    clock.advance(1)
    expect(client.neighbor(V4)?.mac).toBe(HARDWARE)
    expect(posted).toEqual([
      { type: 'applied' },
      {
        type: 'events',
        events: [
          { name: 'l2:gained', detail: { address: '192.0.2.10', interface: 'eth0' } },
          { name: 'l2:gained', detail: { address: '2001:db8::1', interface: 'eth0' } },
        ],
      },
    ])
  })

  it('[row 36] leaves out interfaces by name', () => {
    core(['^eth'])
    clock.advance(1)
    expect(posted[1]).toMatchObject({ links: [{ name: 'eth0', arp: 'excluded-by-name', ndp: 'excluded-by-name' }] })
  })

  it('reports its counters when asked, if there is news', () => {
    const lan = core()
    lan.onMessage({ type: 'apply', desired: [{ address: V4, interfaces: 'all' }] })
    clock.advance(10_000)
    posted.length = 0
    lan.onMessage({ type: 'report' })
    lan.onMessage({ type: 'report' })
    client.ask(V4)
    clock.advance(1)
    lan.onMessage({ type: 'report' })
    const own = { requestsReceived: 0, responsesSent: 0, gratuitousSent: 12, conflicts: 0 }
    expect(posted).toEqual([
      { type: 'counters', counters: { addresses: { '192.0.2.10': own }, ignored: {}, sendFailures: 0, bfd: [] } },
      {
        type: 'counters',
        counters: {
          addresses: { '192.0.2.10': { ...own, requestsReceived: 1, responsesSent: 1 } },
          ignored: {},
          sendFailures: 0,
          bfd: [],
        },
      },
    ])
  })

  it('stops: goodbye first, silence when the others had their time, then the last news, then the end', () => {
    const order: string[] = []
    const lan = core([], {
      ...NOBODY,
      alive: () => ['node-a', 'node-b'],
      setPeers: peers => void order.push(`peers ${peers.map(({ node }) => node).join()}`),
      setLinks: links => void order.push(`links ${links.map(each => `${each.name} ${formatMac(each.mac)}`).join()}`),
      leave: () => {
        client.ask(V4)
        clock.advance(1)
        order.push(
          client.heard.some(({ operation }) => operation === 2) ? 'goodbye, still answering' : 'goodbye, silent',
        )
      },
      close: () => void order.push('closed'),
    })
    const contest = { address: V4, candidates: [{ node: 'node-a', score: 1 }, { node: 'node-b' }] }
    lan.onMessage({ type: 'set-peers', peers: [{ node: 'node-b', address: address('192.0.2.2') }] })
    lan.onMessage({ type: 'apply', desired: [{ address: V4, interfaces: 'all', contest }] })
    clock.advance(10_000)
    posted.length = 0
    lan.onMessage({ type: 'stop' })
    expect(order).toEqual(['links eth0 02:00:00:00:00:01', 'peers node-b', 'goodbye, still answering'])
    clock.advance(400)
    expect(types()).not.toContain('counters')
    client.heard.length = 0
    client.ask(V4)
    clock.advance(1)
    expect(client.heard).toHaveLength(1) // nobody has said that it holds the address
    clock.advance(200)
    expect(order.at(-1)).toBe('closed')
    expect(types().slice(-2)).toEqual(['counters', 'events'])
    expect(posted.at(-1)).toMatchObject({ events: [{ name: 'l2:lost' }] })
    expect(ended).toBe(1)
    client.heard.length = 0
    client.ask(V4)
    clock.advance(1)
    expect(client.heard).toEqual([])
  })

  it('warns once of an address for which the kernel answers as well', () => {
    const lan = core()
    const apply = (): void => lan.onMessage({ type: 'apply', desired: [{ address: V4, interfaces: 'all' }] })
    apply()
    node.set('eth0', { addresses: [{ address: V4, prefixLength: 32, isTentative: false }] })
    clock.advance(1)
    apply()
    const fields = { address: '192.0.2.10', holder: 'eth0', interface: 'eth0' }
    expect(posted.filter(({ type }) => type === 'log')).toEqual([
      { type: 'log', severity: 'warn', event: 'kernel-answers-too', fields },
    ])
  })

  it('says once more what it holds when another speaker is heard again', () => {
    let publish: ((node: string) => void) | undefined
    const silent = NOBODY
    const lan = new LanCore(
      {
        clock,
        random: new SimRandom(1),
        links: node,
        monitor: node,
        post: () => {},
        arpIgnore: () => 0,
        end: () => {},
      },
      { node: 'node-a' },
      events => {
        publish = other => events.publish('member:joined', { node: other })
        return silent
      },
    )
    lan.start()
    lan.onMessage({ type: 'apply', desired: [{ address: V4, interfaces: 'all' }] })
    clock.advance(10_000)
    client.heard.length = 0
    publish?.('node-b')
    clock.advance(60)
    expect(client.heard.map(({ senderAddress }) => BigInt(senderAddress))).toEqual([V4.value, V4.value])
  })

  it('takes an address over when its owner dies, without a word from the main thread', () => {
    let alive = ['node-a', 'node-b']
    let publish: Publisher<LanEvents>['publish'] | undefined
    const members = { ...NOBODY, alive: () => alive }
    const lan = new LanCore(
      {
        clock,
        random: new SimRandom(1),
        links: node,
        monitor: node,
        post: () => {},
        arpIgnore: () => 0,
        end: () => {},
      },
      { node: 'node-a' },
      events => {
        publish = events.publish
        return members
      },
    )
    lan.start()
    const contest = { address: address('10.0.0.1'), candidates: [{ node: 'node-a' }, { node: 'node-b' }] } // node-b first
    lan.onMessage({ type: 'apply', desired: [{ address: V4, interfaces: 'all', contest }] })
    client.send(V4)
    clock.advance(1)
    expect(client.neighbor(V4)?.mac).toBeUndefined()
    alive = ['node-a']
    publish?.('member:left', { node: 'node-b', cause: 'dead' })
    clock.advance(1)
    expect(client.neighbor(V4)?.mac).toBe(HARDWARE)
    alive = ['node-a', 'node-b']
    publish?.('member:joined', { node: 'node-b' })
    clock.advance(2_000)
    client.heard.length = 0
    client.ask(V4)
    clock.advance(1)
    expect(client.heard).toEqual([])
  })

  it('[F-ADM-03] routers hear AdminDown when BGP has ended, and not before; then nothing keeps it', () => {
    let isOver = false
    let stops = 0
    const bfd = {
      setWatches: () => {},
      sessions: () => [],
      stop: () => void stops++,
      get isOver() {
        return isOver
      },
    }
    const lan = core([], undefined, bfd)
    lan.onMessage({ type: 'stop' })
    clock.advance(1_000)
    expect([stops, ended]).toEqual([0, 0])
    lan.onMessage({ type: 'stop-bfd' })
    clock.advance(1_000)
    expect([stops, ended]).toEqual([1, 0])
    isOver = true
    clock.advance(10)
    expect(ended).toBe(1)
  })

  it('a main thread that never says that BGP has ended is not waited for', () => {
    const lan = core([], undefined, { setWatches: () => {}, sessions: () => [], stop: () => {}, isOver: false })
    lan.onMessage({ type: 'stop' })
    clock.advance(4_999)
    expect(ended).toBe(0)
    clock.advance(11)
    expect(ended).toBe(1)
  })

  it('stops at once when it knows nobody', () => {
    core().onMessage({ type: 'stop' })
    expect(ended).toBe(1)
  })
})
