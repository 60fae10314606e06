import { SimHost, SimSegment } from '@metallb-ts/l2-announcer/testing'
import { address, addressFromBytes, formatAddress, mac, type Address } from '@metallb-ts/netip'
import type { Clock } from '@metallb-ts/runtime'
import { SimRandom } from '@metallb-ts/runtime/testing'

/** The address that a frame announces unasked: a gratuitous ARP packet, or a neighbor advertisement to all nodes. */
export function announcedBy(frame: Uint8Array): Address | undefined {
  const type = (frame[12]! << 8) | frame[13]!
  if (type === ETHER_TYPE_ARP) {
    const [sender, target] = [frame.subarray(28, 32), frame.subarray(38, 42)]
    return sender.every((octet, i) => octet === target[i]) ? addressFromBytes(sender) : undefined
  }
  const isAdvertisement = type === ETHER_TYPE_IPV6 && frame[54] === NEIGHBOR_ADVERTISEMENT
  return isAdvertisement && (frame[58]! & SOLICITED) === 0 ? addressFromBytes(frame.subarray(62, 78)) : undefined
}

/** The frame by which a host asks who has an address. */
export function questionFor(wanted: Address): Uint8Array {
  const text = formatAddress(wanted)
  const known = questions.get(text)
  if (known !== undefined) return known
  let question: Uint8Array = new Uint8Array()
  const segment = new SimSegment({ clock: NO_TIME, random: new SimRandom(1) })
  segment.plug(frame => (question = frame))
  new SimHost(NO_TIME, segment, {
    mac: mac('02:00:00:00:00:bb'),
    addresses: [address('192.0.2.201'), address('fe80::bb')],
  }).ask(wanted)
  questions.set(text, question)
  return question
}

const questions = new Map<string, Uint8Array>()

/** Whatever takes time happens at once. */
const NO_TIME: Clock = {
  now: () => 0,
  wallTime: () => 0,
  setTimer: (_ms, fire) => {
    fire()
    return { cancel: () => {} }
  },
}

const ETHER_TYPE_ARP = 0x0806
const ETHER_TYPE_IPV6 = 0x86dd
const NEIGHBOR_ADVERTISEMENT = 136
const SOLICITED = 0x40
