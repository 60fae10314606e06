import { address } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { peerChange, type PeerInit } from '../src/index.ts'
import { route, Scene } from './scripted-scene.ts'

const BASE: PeerInit = { name: 'router', remote: address('192.0.2.2'), peerAsn: 64_513 }

/** Another value for everything that can be said about a peer. */
const OTHERS: { readonly [Field in keyof Required<PeerInit>]: PeerInit[Field] } = {
  name: 'other',
  remote: address('192.0.2.3'),
  interface: 'eth1',
  port: 1_179,
  localAsn: 64_514,
  shownAsn: 64_515,
  peerAsn: 'external',
  routerId: address('192.0.2.9'),
  holdSeconds: 30,
  keepaliveSeconds: 5,
  connectSeconds: 30,
  dialSeconds: 5,
  delayOpenSeconds: 5,
  passive: true,
  dampPeerOscillations: false,
  collisionDetectEstablished: true,
  families: ['ipv6'],
  extendedNextHop: true,
  ownAddresses: { ipv6: address('2001:db8::1') },
  source: address('192.0.2.1'),
  password: 'sesame',
  ttl: 2,
  ttlSecurityHops: 1,
  device: 'vrf-blue',
  gracefulRestart: { seconds: 60 },
  restartHelp: {},
  extendedMessages: true,
  maxUpdateSize: 1_200,
  addPath: ['ipv4'],
  role: 'customer',
  isRoleRequired: true,
  strictBfd: true,
  capabilityFallback: false,
  enforceFirstAs: false,
  maxPrefixes: 10,
  isDraining: true,
  exportPolicy: () => undefined,
}

const SOFT = ['connectSeconds', 'dialSeconds', 'delayOpenSeconds', 'passive', 'dampPeerOscillations', 'collisionDetectEstablished', 'capabilityFallback', 'maxPrefixes', 'isDraining', 'exportPolicy'] // prettier-ignore

describe('what a change of one setting costs, and why', () => {
  test.each(Object.keys(OTHERS) as (keyof PeerInit)[])('%s', field => {
    const change = peerChange(BASE, { ...BASE, [field]: OTHERS[field] })
    expect(change.kind).toBe(SOFT.includes(field) ? 'soft' : 'reset')
    expect(change.why).toHaveLength(1)
    expect(change.why[0]).toMatch(new RegExp(`^${field}: \\w+ .+`))
    expect(peerChange({ ...BASE, [field]: OTHERS[field] }, BASE).kind).toBe(change.kind)
  })

  test('the same in other words is no change', () => {
    const one = { ...BASE, families: ['ipv4', 'ipv6'] as const, ownAddresses: { ipv4: address('192.0.2.1') } }
    const other = { ...one, remote: address('192.0.2.2'), families: [...one.families], ownAddresses: { ...one.ownAddresses } } // prettier-ignore
    expect(peerChange(one, other)).toEqual({ kind: 'none', why: [] })
  })

  test('what needs a reset is said first', () => {
    const { kind, why } = peerChange(BASE, { ...BASE, passive: true, ttl: 2, maxPrefixes: 1, holdSeconds: 9 })
    expect(kind).toBe('reset')
    expect(why.map(text => text.split(':')[0])).toEqual(['holdSeconds', 'ttl', 'passive', 'maxPrefixes'])
  })
})

describe('a change that is made', () => {
  test('soft: the session stays, and routes are judged again', () => {
    const scene = new Scene().establish()
    scene.routes(route('10.0.0.0/24'), route('10.0.1.0/24'))
    scene.take()
    const exportPolicy: PeerInit['exportPolicy'] = ({ prefix, attributes }) =>
      prefix.address.value === address('10.0.0.0').value ? attributes : undefined
    expect(scene.speaker.updatePeer('peer', { ...scene.session.init, exportPolicy }).kind).toBe('soft')
    scene.advance(0)
    expect(scene.take()).toEqual(['-10.0.1.0/24'])
    expect(scene.session.counters.established).toBe(1)
  })

  test('reset: the peer is told that the configuration changed, and a new session begins', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.speaker.updatePeer('peer', { ...scene.session.init, holdSeconds: 9 })
    expect(scene.take()).toEqual(['N6/6'])
    scene.advance(0)
    expect(scene.peer.dials).toHaveLength(2)
  })
})
