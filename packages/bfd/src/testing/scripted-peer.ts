import type { Address, Family } from '@metallb-ts/netip'
import { ok } from '@metallb-ts/runtime'
import type { PathKind } from '../path.ts'
import type { BfdTransport, Datagram, SendOptions, TransportProblem } from '../transport.ts'
import { decodeControl, encodeControl, type ControlPacket } from '../wire/control-packet.ts'

/** A peer that does exactly what a test says: it answers nothing by itself. Time is the test's. */
export class ScriptedPeer {
  readonly address: Address
  readonly kind: PathKind
  /** Packets of the session under test since `take`. */
  readonly packets: ControlPacket[] = []
  /** Echoes since the beginning. */
  readonly echoes: Uint8Array[] = []
  /** How the session under test opened its ways out. */
  readonly opened: SendOptions[] = []
  /** What `open` or `send` answers, when a test wants them to fail. */
  openProblem: TransportProblem | undefined
  sendProblem: TransportProblem | undefined
  readonly #listeners = new Map<string, (datagram: Datagram) => void>()

  constructor(address: Address, kind: PathKind = 'single-hop') {
    this.address = address
    this.kind = kind
  }

  /** What the `createBfd` under test takes. */
  get transport(): BfdTransport {
    return {
      listen: (options, onDatagram) => {
        const key = keyOf(options.kind, options.family, options.vrf)
        this.#listeners.set(key, onDatagram)
        return ok({ close: () => void this.#listeners.delete(key) })
      },
      open: options => {
        this.opened.push(options)
        if (this.openProblem !== undefined) return { ok: false, error: this.openProblem }
        return ok({
          send: bytes => {
            const decoded = decodeControl(bytes)
            if (this.sendProblem === undefined && decoded.ok) this.packets.push(decoded.value)
            return this.sendProblem
          },
          sendEcho: bytes => void this.echoes.push(bytes.slice()),
          close: () => {},
        })
      },
    }
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  /** What was said since the last call. */
  take(): ControlPacket[] {
    return this.packets.splice(0)
  }

  send(packet: Partial<ControlPacket>, more: Partial<Datagram> = {}): void {
    this.sendBytes(encodeControl(scriptedControl(packet)), more)
  }

  sendBytes(bytes: Uint8Array, more: Partial<Datagram> = {}): void {
    const datagram = { bytes, port: this.kind, source: this.address, ttl: 255, interface: 'eth0', ...more } as Datagram
    const kind = datagram.port === 'echo' ? 'single-hop' : datagram.port
    this.#listeners.get(keyOf(kind, datagram.source.family, datagram.vrf))?.(datagram)
  }
}

/** A packet of a session that is Down, has heard nobody, and would take and send every 300 ms; unless told otherwise. */
export function scriptedControl(packet: Partial<ControlPacket> = {}): ControlPacket {
  return {
    diagnostic: 0,
    state: 'down',
    isPoll: false,
    isFinal: false,
    isControlPlaneIndependent: false,
    isDemand: false,
    detectMultiplier: 3,
    myDiscriminator: 0x0a0b0c0d,
    yourDiscriminator: 0,
    desiredMinTxUs: 300_000,
    requiredMinRxUs: 300_000,
    requiredMinEchoRxUs: 0,
    ...packet,
  }
}

function keyOf(kind: PathKind, family: Family, vrf = ''): string {
  return `${kind} ${family} ${vrf}`
}
