import { readdirSync, readFileSync } from 'node:fs'
import type { Random } from '@metallb-ts/runtime'
import { scriptedOpen } from '../../src/testing/index.ts'
import { encodeMessage, notification, type Capability, type Message } from '../../src/wire/index.ts'
import { announcing, PEER_ASN } from '../scripted-scene.ts'

/** Makes messages that are almost right: one that is valid, with a few things done to it. */
export class Mutator {
  readonly #random: Random
  readonly #corpus: readonly Uint8Array[]

  constructor(random: Random) {
    this.#random = random
    this.#corpus = corpus()
  }

  /** A frame whose marker and length are right, so that it is read. */
  frame(): Uint8Array {
    let bytes: Uint8Array = this.#pick(this.#corpus).slice()
    for (let times = this.below(4); times > 0; times--) bytes = this.#change(bytes)
    return withHead(bytes)
  }

  /** Octets that may be anything from the first one on. */
  stream(): Uint8Array {
    const bytes: Uint8Array = Buffer.concat(Array.from({ length: 1 + this.below(3) }, () => this.frame()))
    if (this.#random.next() < 0.3) bytes[this.below(bytes.length)] = this.below(256)
    return bytes
  }

  /** A few things done to these octets. */
  changed(bytes: Uint8Array): Uint8Array {
    let changed: Uint8Array = bytes.slice()
    for (let times = 1 + this.below(3); times > 0; times--) changed = this.#change(changed)
    return changed
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  #change(bytes: Uint8Array): Uint8Array {
    const at = HEAD + this.below(bytes.length - HEAD + 1)
    switch (this.below(7)) {
      case 0:
        return spoil(bytes, at, octet => octet ^ (1 << this.below(8)))
      case 1:
        return spoil(bytes, at, () => this.below(256))
      case 2:
        return spoil(bytes, at, () => this.#pick(TELLING))
      case 3:
        return bytes.slice(0, at)
      case 4:
        return splice(bytes, at, 0, this.#octets(1 + this.below(12)))
      case 5:
        return splice(bytes, at, 1 + this.below(8), this.#octets(0))
      default: {
        const other = this.#pick(this.#corpus)
        const from = HEAD + this.below(other.length - HEAD + 1)
        return splice(bytes, at, 0, other.subarray(from, from + this.below(60)))
      }
    }
  }

  #octets(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256))
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!
  }
}

const HEAD = 19
const LIMIT = 4_096
/** Octets at which readers turn: lengths, flags and types at their bounds. */
const TELLING = [0, 1, 2, 4, 8, 14, 15, 16, 24, 31, 32, 33, 64, 127, 128, 129, 255]

function spoil(bytes: Uint8Array, at: number, make: (octet: number) => number): Uint8Array {
  if (at < bytes.length) bytes[at] = make(bytes[at]!)
  return bytes
}

function splice(bytes: Uint8Array, at: number, gone: number, added: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + gone)]).slice(0, LIMIT)
}

/** As long as its header must say; a type that is shorter than it may be is filled up. */
function withHead(bytes: Uint8Array): Uint8Array {
  const least = LEAST[bytes[18]!] ?? HEAD
  const most = bytes[18] === 4 ? HEAD : LIMIT
  const whole = new Uint8Array(Math.max(least, Math.min(bytes.length, most)))
  whole.set(bytes.subarray(0, whole.length))
  new DataView(whole.buffer).setUint16(16, whole.length)
  return whole
}

const LEAST: Readonly<Record<number, number>> = { 1: 29, 2: 23, 3: 21, 4: 19, 5: 23 }

function corpus(): readonly Uint8Array[] {
  const folder = new URL('../vectors/', import.meta.url)
  const vectors = readdirSync(folder)
    .sort()
    .map(name => readFileSync(new URL(name, folder), 'utf8').replaceAll(/\s/g, ''))
    .map(text => Uint8Array.from(Buffer.from(text, 'hex')))
  const made = MESSAGES.map(message => encodeMessage(message, { fourOctetAs: true, internal: false }))
  return [...vectors, ...made]
}

const CAPABILITIES: readonly Capability[] = [
  { kind: 'multiprotocol', afi: 2, safi: 1 },
  { kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
  { kind: 'role', role: 3 },
  { kind: 'graceful-restart', restarting: true, notification: true, seconds: 60, families: [{ afi: 1, safi: 1, preserved: true }] },
  { kind: 'four-octet-as', asn: PEER_ASN },
  { kind: 'add-path', tuples: [{ afi: 1, safi: 1, mode: 'both' }] },
  { kind: 'long-lived-graceful-restart', families: [{ afi: 1, safi: 1, preserved: true, staleSeconds: 9 }] },
  { kind: 'fqdn', host: 'leaf', domain: 'example' },
  { kind: 'unknown', code: 77, value: Uint8Array.of(1, 2) },
] // prettier-ignore

const MESSAGES: readonly Message[] = [
  scriptedOpen({ asn: PEER_ASN }),
  scriptedOpen({ asn: PEER_ASN, capabilities: CAPABILITIES }),
  scriptedOpen({
    asn: PEER_ASN,
    capabilities: Array.from({ length: 60 }, () => CAPABILITIES)
      .flat()
      .slice(0, 90),
  }),
  announcing('198.51.100.0/24', '2001:db8:100::/48'),
  announcing(...Array.from({ length: 250 }, (_, i) => `10.0.${i}.0/24`)),
  notification(6, 2, Uint8Array.of(3, 0x62, 0x79, 0x65)),
  { type: 'route-refresh', afi: 1, safi: 1, subtype: 0 },
  { type: 'keepalive' },
]
