import { MinHeap } from './min-heap.ts'
import { portKey, type Port, type Sharing } from './request.ts'

/** Whether holders on these terms may hold one address together, ports aside. */
export function mayShare(a: Sharing | undefined, b: Sharing | undefined): boolean {
  return a !== undefined && b !== undefined && a.key !== '' && a.key === b.key && a.backend === b.backend
}

/** The shared addresses of one pool and family, so that a sharer finds its place without searching the pool. */
export class SharedAddresses {
  readonly #groups = new Map<string, SharingGroup>()

  /** The first position held on these terms where none of the ports is in use. */
  lowest(sharing: Sharing | undefined, ports: readonly Port[]): bigint | undefined {
    return sharing === undefined ? undefined : this.#groups.get(groupKey(sharing))?.lowest(ports.map(portKey))
  }

  add(position: bigint, sharing: Sharing, ports: readonly Port[]): void {
    if (sharing.key === '') return
    const group = this.#groups.get(groupKey(sharing)) ?? new SharingGroup()
    this.#groups.set(groupKey(sharing), group)
    group.add(position, ports.map(portKey))
  }

  /** @param isLast no other holder is left at the position */
  remove(position: bigint, sharing: Sharing, ports: readonly Port[], isLast: boolean): void {
    const group = this.#groups.get(groupKey(sharing))
    if (group === undefined) return
    group.remove(position, ports.map(portKey), isLast)
    if (group.isEmpty) this.#groups.delete(groupKey(sharing))
  }
}

/** Positions held on one set of terms, and for each port where it is still to be had. */
class SharingGroup {
  /** Ascending. Positions that left stay for a while: taking one out of the middle would move all behind it. */
  #positions: bigint[] = []
  readonly #members = new Set<bigint>()
  /** A port that nobody uses. */
  readonly #anyPort = new PortLane()
  readonly #lanes = new Map<string, PortLane>()

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  lowest(ports: readonly string[]): bigint | undefined {
    const lanes = [this.#anyPort, ...ports.flatMap(port => this.#lanes.get(port) ?? [])]
    let from = 0n
    for (const lane of lanes) {
      const candidate = lane.lowest(this.#positions, this.#members)
      if (candidate === undefined) return undefined
      if (candidate > from) from = candidate
    }
    // No position before `from` has every port; with more than one port the first that has may lie behind it.
    for (let i = indexOf(this.#positions, from); i < this.#positions.length; i++) {
      const position = this.#positions[i]!
      if (this.#members.has(position) && lanes.every(lane => !lane.used.has(position))) return position
    }
    return undefined
  }

  add(position: bigint, ports: readonly string[]): void {
    if (!this.#members.has(position)) {
      this.#members.add(position)
      const at = indexOf(this.#positions, position)
      if (this.#positions[at] !== position) this.#positions.splice(at, 0, position)
      for (const lane of [this.#anyPort, ...this.#lanes.values()]) lane.reopen(position)
    }
    for (const port of ports) {
      const lane = this.#lanes.get(port) ?? new PortLane()
      this.#lanes.set(port, lane)
      lane.used.add(position)
    }
  }

  remove(position: bigint, ports: readonly string[], isLast: boolean): void {
    for (const port of ports) {
      const lane = this.#lanes.get(port)
      lane?.used.delete(position)
      lane?.reopen(position)
      if (lane?.used.size === 0) this.#lanes.delete(port)
    }
    if (!isLast) return
    this.#members.delete(position)
    if (this.#positions.length > 2 * this.#members.size + KEPT) {
      this.#positions = this.#positions.filter(one => this.#members.has(one))
    }
  }
}

const KEPT = 64

/** One port of a group: every member below the watermark uses it, but for those in the heap. */
class PortLane {
  readonly used = new Set<bigint>()
  readonly #reopened = new MinHeap()
  #watermark = 0n

  lowest(positions: readonly bigint[], members: ReadonlySet<bigint>): bigint | undefined {
    for (let least = this.#reopened.peek(); least !== undefined; least = this.#reopened.peek()) {
      if (members.has(least) && !this.used.has(least)) return least
      this.#reopened.pop()
    }
    for (let i = indexOf(positions, this.#watermark); i < positions.length; i++) {
      this.#watermark = positions[i]!
      if (members.has(this.#watermark) && !this.used.has(this.#watermark)) return this.#watermark
      this.#watermark += 1n
    }
    return undefined
  }

  reopen(position: bigint): void {
    if (position < this.#watermark) this.#reopened.push(position)
  }
}

function groupKey({ key, backend }: Sharing): string {
  return `${key.length}:${key}${backend}`
}

/** Where `value` stands in an ascending list, or would. */
function indexOf(ascending: readonly bigint[], value: bigint): number {
  let low = 0
  let high = ascending.length
  if (high > 0 && ascending[high - 1]! < value) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
