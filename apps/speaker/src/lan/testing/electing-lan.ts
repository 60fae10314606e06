import type { Publisher } from '@metallb-ts/event-bus'
import type { DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress } from '@metallb-ts/netip'
import type { Clock } from '@metallb-ts/runtime'
import type { LanAddress } from '../contest.ts'
import { Keeper } from '../keeper.ts'
import type { Lan, LanEvents, LinkView } from '../lan.ts'
import { ownersOf } from '../owners.ts'

/** One interface, on which everything is answered that is held; every node counts as alive. */
export class ElectingLan implements Lan {
  events: Publisher<LanEvents> | undefined
  readonly #keeper: Keeper
  #held = new Set<string>()

  constructor(node: string, clock: Clock) {
    this.#keeper = new Keeper(
      {
        clock,
        members: undefined,
        isUsable: ({ interfaces }) => interfaces === undefined || interfaces.includes('eth0'),
        apply: desired => this.#hold(desired),
        onOwners: changes => this.events?.publish('l2:owners', ownersOf(changes)),
      },
      { node, spreading: { name: 'metallb' }, holdDownMs: 0 },
    )
  }

  get held(): readonly string[] {
    return [...this.#held].sort()
  }

  apply(desired: readonly LanAddress[]): void {
    this.#keeper.setDesired(desired)
  }

  #hold(desired: readonly DesiredAddress[]): void {
    const answered = desired.filter(({ interfaces }) => interfaces === 'all' || interfaces.includes('eth0'))
    const now = new Set(answered.map(one => formatAddress(one.address)))
    const before = this.#held
    this.#held = now
    for (const one of now) if (!before.has(one)) this.events?.publish('l2:gained', { address: one, interface: 'eth0' })
    for (const one of before) if (!now.has(one)) this.events?.publish('l2:lost', { address: one, interface: 'eth0' })
  }

  setPeers(): void {}
  setBfd(): void {}
  counters(): ReturnType<Lan['counters']> {
    return { addresses: {}, ignored: {}, sendFailures: 0, bfd: [] }
  }
  links(): readonly LinkView[] {
    const use = { arp: 'used', ndp: 'used', addresses: [], isUp: true, hasCarrier: true, mac: '02:00:00:00:00:01' }
    return [{ index: 1, name: 'eth0', ...use }]
  }
  stop(): Promise<void> {
    return Promise.resolve()
  }
}
