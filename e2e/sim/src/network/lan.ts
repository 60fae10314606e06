import type { LinkMonitor, LinkPort, Links } from '@metallb-ts/l2-announcer'
import { SimHost, SimNode, SimSegment } from '@metallb-ts/l2-announcer/testing'
import { address, formatAddress, mac, type Address, type Mac } from '@metallb-ts/netip'
import { ok, type Random } from '@metallb-ts/runtime'
import type { SimProcess } from '../process.ts'
import type { World } from '../world.ts'

/** A switch with the nodes of the cluster and a client on it. */
export class Lan {
  readonly segment: SimSegment
  readonly client: SimHost
  readonly #world: World

  constructor(world: World, random: Random, loss: number) {
    this.#world = world
    this.segment = new SimSegment({ clock: world.clock, random }, { loss, isSnooping: true })
    this.client = new SimHost(world.clock, this.segment, {
      mac: mac('02:00:00:00:00:aa'),
      addresses: [address('192.0.2.200'), address('fe80::aa')],
    })
  }

  /** A node's one interface, `eth0`. */
  node(number: number): LanNode {
    return new LanNode(this.#world, this.segment, number)
  }

  /** The hardware addresses that answer for an address now. */
  async whoHas(wanted: Address): Promise<readonly Mac[]> {
    this.client.heard.length = 0
    this.client.heardNeighbor.length = 0
    this.client.ask(wanted)
    await this.#world.advance(ANSWER_MS)
    const arp = this.client.heard.filter(({ operation, senderAddress, targetAddress }) => {
      return operation === ARP_REPLY && BigInt(senderAddress) === wanted.value && senderAddress !== targetAddress
    })
    const neighbor = this.client.heardNeighbor.filter(
      ({ flags, target }) => (flags & SOLICITED) !== 0 && formatAddress(target) === formatAddress(wanted),
    )
    const macs = wanted.family === 'ipv4' ? arp.map(one => one.senderMac) : neighbor.map(one => one.linkAddress!)
    return [...new Set(macs)].sort()
  }
}

/** The machine under a speaker: it outlives the process. */
export class LanNode {
  readonly mac: Mac
  readonly #node: SimNode
  readonly #port: ReturnType<SimNode['plug']>

  constructor(world: World, segment: SimSegment, number: number) {
    this.mac = mac(`02:00:00:00:01:${number.toString(16).padStart(2, '0')}`)
    this.#node = new SimNode(world.clock)
    const addresses = [{ address: address(`fe80::1:${number.toString(16)}`), prefixLength: 64, isTentative: false }]
    this.#port = this.#node.plug(segment, { name: 'eth0', mac: this.mac, addresses })
  }

  /** The wire is pulled; the interface says so, or does not (a switch that died). */
  setWire(isWhole: boolean, isNoticed: boolean): void {
    if (isWhole) this.#port.restore()
    else this.#port.cut()
    if (isNoticed || isWhole) this.#node.set('eth0', { hasCarrier: isWhole })
  }

  /** Sockets and netlink of one process; the kernel closes them with it. */
  linksFor(process: SimProcess, guard: (port: LinkPort, ask: (frame: Uint8Array) => void) => LinkPort): Links {
    return {
      open: (link, onFrame) => {
        const opened = this.#node.open(link, frame => {
          if (process.isAlive) onFrame(frame)
        })
        if (!opened.ok) return opened
        const port = guard(opened.value, onFrame)
        process.onDeath(() => port.close())
        return ok(port)
      },
    }
  }

  monitorFor(process: SimProcess): LinkMonitor {
    return {
      watch: onLinks => {
        const watching = this.#node.watch(links => {
          if (process.isAlive) onLinks(links)
        })
        process.onDeath(() => watching.close())
        return watching
      },
    }
  }
}

const ANSWER_MS = 5
const ARP_REPLY = 2
const SOLICITED = 0x40
