import { createBfdSession } from '@metallb-ts/bfd'
import { SimNetwork } from '@metallb-ts/bfd/testing'
import { address, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'

const [clock, random] = [new SimClock(), new SimRandom(1)]
const network = new SimNetwork({ clock, random })
const watch = (own: Address, remote: Address): void => {
  const { transport } = network.host([own])
  const events = { publish: (name: string) => name === 'bfd:up' && console.log(`${name} at ${clock.now()} ms`) }
  createBfdSession({ clock, random, transport, events }, { kind: 'single-hop', remote })
}
watch(address('192.0.2.1'), address('192.0.2.2'))
watch(address('192.0.2.2'), address('192.0.2.1'))
clock.advance(3_000)
