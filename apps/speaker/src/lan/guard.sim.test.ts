import { SimHost } from '@metallb-ts/l2-announcer/testing'
import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { SimSpeakers } from './testing/sim-speakers.ts'

const V4 = address('192.0.2.10')
const V6 = address('2001:db8::10')
const SQUATTER = mac('02:00:00:00:00:bb')

function scene(guard: boolean): SimSpeakers {
  const world = new SimSpeakers({ seed: 1, size: 3, vips: [V4, V6], guard })
  world.configure(world.everybody)
  return world
}

const taken = (world: SimSpeakers): readonly unknown[] =>
  world.speakers
    .flatMap(({ posted }) => posted)
    .flatMap(message => (message.type === 'events' ? message.events : []))
    .filter(({ name }) => name === 'l2:taken')
    .map(({ detail }) => detail)

describe('the guard', () => {
  it.each([V4, V6])('an address that a stranger has is not announced, and who has it is told: %s', vip => {
    const world = scene(true)
    new SimHost(world.clock, world.segment, { mac: SQUATTER, addresses: [vip] })
    for (const speaker of world.speakers) speaker.start()
    world.clock.advance(5_000)
    expect(world.holders(vip)).toEqual([])
    expect(world.holders(vip === V4 ? V6 : V4)).toHaveLength(1)
    const text = vip === V4 ? '192.0.2.10' : '2001:db8::10'
    expect(taken(world)).toEqual([{ address: text, interface: 'eth0', mac: '02:00:00:00:00:bb' }])
  })

  it('what is free is announced after the probes; what one of ours held is taken over without any', () => {
    const world = scene(true)
    for (const speaker of world.speakers) speaker.start()
    world.clock.advance(3_000)
    const [owner] = world.holders(V4)
    expect(owner).toBeDefined()
    world.client.heard.length = 0
    owner!.cut()
    world.clock.advance(300)
    expect(world.holders(V4)).toHaveLength(1)
    const probes = world.client.heard.filter(({ operation, senderAddress }) => operation === 1 && senderAddress === 0)
    expect(probes).toEqual([])
    expect(taken(world)).toEqual([])
  })

  it('who goes away is noticed: the address is asked for again', () => {
    const world = scene(true)
    const squatter = new SimHost(world.clock, world.segment, { mac: SQUATTER, addresses: [V4] })
    for (const speaker of world.speakers) speaker.start()
    world.clock.advance(5_000)
    expect(world.holders(V4)).toEqual([])
    squatter.port.cut()
    world.clock.advance(61_000)
    expect(world.holders(V4)).toHaveLength(1)
  })

  it('is off unless it is asked for', () => {
    const world = scene(false)
    new SimHost(world.clock, world.segment, { mac: SQUATTER, addresses: [V4] })
    for (const speaker of world.speakers) speaker.start()
    world.clock.advance(2_000)
    expect(world.holders(V4)).toHaveLength(1)
  })
})
