import { address, formatAddress, type Address } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { describe, expect, it } from 'vitest'
import { SimCluster } from './cluster.ts'

const VIPS = ['192.0.2.10', '192.0.2.11', '192.0.2.12', '2001:db8::10', '2001:db8::11', '2001:db8::12'].map(address)

describe('a cluster of announcers', () => {
  it('[row 30] any order of cuts, repairs, deaths and returns: one owner for each address, and clients find it', () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const cluster = new SimCluster(seed, 2 + (seed % 4), VIPS)
      cluster.settle()
      check(cluster, seed)
      for (let step = 0; step < 12; step++) {
        disturb(cluster)
        if (cluster.random.next() < 0.5)
          cluster.clock.advance(cluster.random.next() * 300) // several at once
        else {
          cluster.settle()
          check(cluster, seed)
        }
      }
      cluster.settle()
      check(cluster, seed)
    }
  })

  it('[row 30] the owner’s death moves its addresses alone', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const cluster = new SimCluster(seed, 5, VIPS)
      cluster.settle()
      const before = new Map(VIPS.map(vip => [vip, cluster.holders(vip)[0]]))
      const victim = cluster.members[seed % 5]!
      victim.kill()
      cluster.settle()
      for (const [vip, owner] of before) {
        if (owner !== victim)
          expect([seed, formatAddress(vip), cluster.holders(vip)]).toEqual([seed, formatAddress(vip), [owner]])
      }
    }
  })

  it.each([
    ['IPv4', address('192.0.2.10')],
    ['IPv6', address('2001:db8::10')],
  ])('%s: an owner cut off costs a client that sends every millisecond 202 ms at most', (_, vip) => {
    const gaps: number[] = []
    for (let seed = 1; seed <= 40; seed++) gaps.push(longestGap(seed, vip))
    expect(Math.max(...gaps)).toBeLessThanOrEqual(202)
    expect(Math.min(...gaps)).toBeGreaterThan(100) // the cut was one
  })
})

function disturb(cluster: SimCluster): void {
  const member = cluster.members[randomInteger(cluster.random, cluster.members.length)]!
  if (!member.isRunning) member.restart()
  else if (member.port.isCut) member.restore()
  else if (cluster.random.next() < 0.5) member.kill()
  else member.cut()
}

/** What must hold once every node knows what is so. */
function check(cluster: SimCluster, seed: number): void {
  const reachable = cluster.members.filter(({ isReachable }) => isReachable)
  for (const vip of cluster.vips) {
    const holders = cluster.holders(vip)
    const mayBeSilent = reachable.length === 0 || (reachable.length === 1 && cluster.members.length > 2)
    const found = `seed ${seed}, ${formatAddress(vip)}: ${holders.map(({ name }) => name).join()}`
    expect(holders.length, found).toBeLessThanOrEqual(1)
    if (mayBeSilent) continue
    expect(holders.length, found).toBe(1)
    cluster.client.ask(vip)
    cluster.client.send(vip)
    cluster.clock.advance(1)
    expect(cluster.client.neighbor(vip)?.mac, found).toBe(holders[0]!.mac)
  }
}

function longestGap(seed: number, vip: Address): number {
  const cluster = new SimCluster(seed, 3, VIPS)
  cluster.settle()
  cluster.client.send(vip)
  cluster.clock.advance(5_000)
  const owner = cluster.holders(vip)[0]!
  const start = cluster.clock.now()
  let sending = true
  const sendOn = (): void => {
    cluster.client.send(vip)
    if (sending) cluster.clock.setTimer(1, sendOn)
  }
  sendOn()
  cluster.clock.advance(100)
  owner.cut()
  cluster.clock.advance(1_000)
  sending = false
  cluster.clock.advance(5)
  const arrivals = cluster.members
    .flatMap(({ node }) => node.received)
    .filter(({ at, to }) => at >= start && to.value === vip.value)
    .map(({ at }) => at)
    .sort((a, b) => a - b)
  return Math.max(...arrivals.slice(1).map((at, i) => at - arrivals[i]!))
}
