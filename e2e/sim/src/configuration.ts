import { Dice } from './dice.ts'
import { BGP_ADVERTISEMENTS_PATH, L2_ADVERTISEMENTS_PATH, POOLS_PATH, type Objects } from './objects.ts'
import type { Scenario } from './scenario.ts'

/** Pools that lie apart, each small enough to run out. */
export const POOLS: Readonly<Record<string, readonly string[]>> = {
  small: ['198.51.100.0-198.51.100.3'],
  dual: ['203.0.113.0/30', '2001:db8::/126'],
}

/** The pools and advertisements that a cluster begins with. */
export function layConfiguration(objects: Objects, { seed }: Scenario): void {
  const dice = new Dice(seed * 104_729 + 2)
  for (const [name, addresses] of Object.entries(POOLS)) {
    objects.create(POOLS_PATH, {
      metadata: { name },
      spec: { addresses, autoAssign: name === 'small' || dice.chance(0.7) },
    })
  }
  if (dice.chance(0.9)) objects.create(L2_ADVERTISEMENTS_PATH, l2Advertisement('l2', dice))
  if (dice.chance(0.9)) objects.create(BGP_ADVERTISEMENTS_PATH, bgpAdvertisement('bgp', dice))
}

export function l2Advertisement(name: string, dice: Dice): object {
  const nodeSelectors = [{ matchLabels: { rack: `r${dice.below(2)}` } }]
  const spec = {
    ...(dice.chance(0.3) && { ipAddressPools: [dice.pick(Object.keys(POOLS))] }),
    ...(dice.chance(0.3) && { nodeSelectors }),
    ...(dice.chance(0.2) && { interfaces: ['eth0'] }),
    ...(dice.chance(0.2) && { preferredNodeSelectors: [{ weight: 10, preference: nodeSelectors[0] }] }),
  }
  return { metadata: { name }, spec }
}

export function bgpAdvertisement(name: string, dice: Dice): object {
  const spec = {
    ...(dice.chance(0.3) && { ipAddressPools: [dice.pick(Object.keys(POOLS))] }),
    ...(dice.chance(0.2) && { aggregationLengthV6: 128 }),
    ...(dice.chance(0.3) && { communities: ['64512:1'] }),
    ...(dice.chance(0.2) && { peers: ['router-1'] }),
    ...(dice.chance(0.2) && { nodeSelectors: [{ matchLabels: { rack: `r${dice.below(2)}` } }] }),
  }
  return { metadata: { name }, spec }
}
