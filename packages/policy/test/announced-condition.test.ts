import type { Condition } from '@metallb-ts/api'
import { describe, expect, it } from 'vitest'
import { announcedCondition, speakingOrder, type Silence, type SpokenInput } from '../src/index.ts'
import { bgp, inputOf, l2, node, peer } from './cluster.ts'

const DOWN: Silence = {
  protocol: 'bgp',
  code: 'session-down',
  objects: [{ kind: 'BGPPeer', name: 'tor' }],
  facts: { node: 'a', router: '192.0.2.254', why: 'could not connect: connection refused' },
}
const NONE: Silence = {
  protocol: 'layer2',
  code: 'no-advertisement',
  objects: [{ kind: 'IPAddressPool', name: 'lan' }],
}
const STARTING: Silence = { ...DOWN, code: 'session-starting' }
const NO_ADDRESS: Silence = { protocol: 'any', code: 'no-address', objects: [] }

const ALIVE = ['a', 'b', 'c']

const said = (status: 'True' | 'False', by: string): Condition => ({
  type: 'metallb.io/Announced',
  status,
  message: `${by}: something`,
})
const hears = (more: Partial<SpokenInput>): ReturnType<typeof announcedCondition> =>
  announcedCondition({
    node: 'a',
    isAlive: one => ALIVE.includes(one),
    order: () => ALIVE,
    current: undefined,
    here: { interfaces: [], peers: [] },
    silences: [DOWN, NONE],
    ...more,
  })
const TOLD = { here: { interfaces: [], peers: ['tor'] }, silences: [NONE] }

describe('who says whether a Service is announced', () => {
  it('who announces says so, with whom it told and what is missing', () => {
    expect(hears({ ...TOLD, node: 'b' })).toEqual({
      finding: { status: 'True', code: 'announced', message: 'b: has told tor' },
      turn: 1,
      isTakeover: false,
    })
    const onlyLayer2 = hears({ here: { interfaces: ['eth0'], peers: [] }, silences: [DOWN] })
    expect(onlyLayer2?.finding).toMatchObject({
      message: expect.stringMatching(/^a: answers on eth0; the session of BGPPeer tor .* is down/),
    })
  })

  it('a session that is down beside one that stands is told by its own object, and not by every Service', () => {
    const both = hears({ here: { interfaces: ['eth0'], peers: ['other'] }, silences: [DOWN] })
    expect(both?.finding).toMatchObject({ message: 'a: answers on eth0 and has told other' })
  })

  it('once another says so nobody repeats it; when that one is gone somebody does', () => {
    expect(hears({ ...TOLD, current: said('True', 'b') })).toBeUndefined()
    expect(hears({ ...TOLD, current: said('True', 'gone') })?.finding).toMatchObject({ status: 'True' })
    expect(hears({ ...TOLD, current: said('False', 'b') })?.finding).toMatchObject({ status: 'True' })
  })

  it('the first in the order says no, with the object to change; the others wait their turn', () => {
    expect(hears({})).toEqual({
      finding: {
        status: 'False',
        code: 'session-down',
        message:
          'a: the session of BGPPeer tor with 192.0.2.254 on node a is down: could not connect: connection refused',
      },
      turn: 0,
      isTakeover: false,
    })
    expect(hears({ node: 'c' })?.turn).toBe(2)
    expect(hears({ node: 'c', current: said('False', 'a') })).toBeUndefined()
    expect(hears({ current: said('False', 'c') })?.turn).toBe(0)
  })

  it('who said yes and no longer can takes it back at once, and nobody takes back another’s', () => {
    expect(hears({ node: 'c', current: said('True', 'c') })).toMatchObject({ finding: { status: 'False' }, turn: 0 })
    expect(hears({ current: said('True', 'c') })).toBeUndefined()
    expect(hears({ current: said('True', 'gone') })?.finding).toMatchObject({ status: 'False' })
  })

  it('the word of a node that is not known to live is taken over as such', () => {
    expect(hears({ ...TOLD, current: said('True', 'gone') })).toMatchObject({ isTakeover: true })
    expect(hears({ current: said('False', 'gone') })).toMatchObject({ isTakeover: true })
    expect(hears({ ...TOLD, current: said('True', 'a') })).toMatchObject({ isTakeover: false })
  })

  it('a node that does not know yet who lives says nothing', () => {
    expect(hears({ ...TOLD, isAlive: () => false })).toBeUndefined()
    expect(hears({ isAlive: one => one !== 'a', current: said('True', 'b') })).toBeUndefined()
  })

  it('what is not known yet is not said, nor what is the owner’s to say', () => {
    expect(hears({ silences: [STARTING] })).toBeUndefined()
    expect(hears({ silences: [{ ...NONE, code: 'another-node-owns' }] })).toBeUndefined()
  })

  it('a Service that has nothing to announce loses the condition', () => {
    expect(hears({ silences: [NO_ADDRESS] })).toBeUndefined()
    expect(hears({ silences: [NO_ADDRESS], current: said('True', 'b') })?.finding).toBe('gone')
  })
})

describe('the order in which nodes speak', () => {
  const resources = { bgpAdvertisements: [bgp('all')], peers: [peer('tor')] }
  const excluded = node('a', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })

  it('has the owner first, then who may announce, then the others; the dead not at all; alike on every node', () => {
    const nodes = [excluded, node('b'), node('c'), node('d')]
    const scene = { resources: { ...resources, nodes }, members: new Set(['a', 'b', 'c']) }
    const order = speakingOrder(inputOf(scene))
    expect(order[2]).toBe('a')
    expect([...order].sort()).toEqual(['a', 'b', 'c'])
    for (const name of ['b', 'c']) expect(speakingOrder(inputOf({ ...scene, node: name }))).toEqual(order)
    const ads = [l2('only-c', { nodeSelectors: [{ matchLabels: { rack: 'c' } }] })]
    const withOwner = { ...resources, l2Advertisements: ads, nodes: [node('a'), node('b'), node('c', { rack: 'c' })] }
    expect(speakingOrder(inputOf({ resources: withOwner }))[0]).toBe('c')
  })

  it('is another for other addresses', () => {
    const firsts = Array.from(
      { length: 40 },
      (_, i) => speakingOrder(inputOf({ resources, service: { ips: [`192.0.2.${i + 1}`] } }))[0],
    )
    expect(new Set(firsts).size).toBe(3)
  })
})
