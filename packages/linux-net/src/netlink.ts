import { addressFromBytes, macFromBytes, type Address, type Mac } from '@metallb-ts/netip'

/** What rtnetlink (RFC 3549) says of interfaces and addresses. */
export type LinkMessage =
  | { readonly type: 'link'; readonly link: LinkFacts }
  | { readonly type: 'link-gone'; readonly index: number }
  | { readonly type: 'address'; readonly index: number; readonly address: InterfaceAddress }
  | { readonly type: 'address-gone'; readonly index: number; readonly address: InterfaceAddress }
  /** The dump that was asked for is complete. */
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly errno: number }

export interface LinkFacts {
  readonly index: number
  readonly name: string
  /** Absent when the interface has no hardware address of six octets. */
  readonly mac: Mac | undefined
  readonly mtu: number
  readonly isUp: boolean
  readonly hasCarrier: boolean
  readonly canBroadcast: boolean
  readonly isLoopback: boolean
  readonly isNoArp: boolean
  /** ARPHRD_*: 1 is Ethernet. */
  readonly hardwareType: number
  /** What made it, such as `bridge` or `vlan`; absent for hardware. */
  readonly kind: string | undefined
  readonly master: number | undefined
  readonly masterKind: string | undefined
  /** The interface it stands on, in this namespace. */
  readonly parent: number | undefined
}

export interface InterfaceAddress {
  readonly address: Address
  readonly prefixLength: number
  /** Being checked for duplicates, or found to be one. */
  readonly isTentative: boolean
}

/** Asks for everything there is of links or addresses. */
export function dumpRequest(what: 'links' | 'addresses', sequence: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + 16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint16(4, what === 'links' ? RTM_GETLINK : RTM_GETADDR, true)
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true)
  view.setUint32(8, sequence, true)
  return bytes
}

/** Every message of one datagram that we know. What is cut short ends it; nothing throws. */
export function decodeLinkMessages(bytes: Uint8Array): LinkMessage[] {
  const messages: LinkMessage[] = []
  const view = viewOf(bytes)
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = view.getUint32(at, true)
    if (length < HEADER || at + length > bytes.length) break
    const message = decodeOne(view.getUint16(at + 4, true), bytes.subarray(at + HEADER, at + length))
    if (message !== undefined) messages.push(message)
    at += align(length)
  }
  return messages
}

const HEADER = 16
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_REQUEST = 1
const NLM_F_DUMP = 0x300
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22

const IFF = { up: 0x1, broadcast: 0x2, loopback: 0x8, noArp: 0x80, lowerUp: 0x1_0000, dormant: 0x2_0000 } as const
const IFLA = { address: 1, name: 3, mtu: 4, link: 5, master: 10, info: 18, netnsId: 37 } as const
const INFO = { kind: 1, slaveKind: 4 } as const
const IFA = { address: 1, local: 2, flags: 8 } as const
const IFA_F_TENTATIVE = 0x40
const IFA_F_DADFAILED = 0x08

function decodeOne(type: number, body: Uint8Array): LinkMessage | undefined {
  switch (type) {
    case RTM_NEWLINK:
      return body.length < 16 ? undefined : { type: 'link', link: decodeLink(body) }
    case RTM_DELLINK:
      return body.length < 16 ? undefined : { type: 'link-gone', index: viewOf(body).getInt32(4, true) }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(body)
      if (address === undefined) return undefined
      return {
        type: type === RTM_NEWADDR ? 'address' : 'address-gone',
        index: viewOf(body).getUint32(4, true),
        address,
      }
    }
    case NLMSG_DONE:
      return { type: 'done' }
    case NLMSG_ERROR: {
      const errno = body.length < 4 ? 0 : -viewOf(body).getInt32(0, true)
      return errno === 0 ? undefined : { type: 'error', errno }
    }
    default:
      return undefined
  }
}

function decodeLink(body: Uint8Array): LinkFacts {
  const view = viewOf(body)
  const flags = view.getUint32(8, true)
  const attributes = attributesOf(body.subarray(16))
  const info = attributesOf(attributes.get(IFLA.info) ?? EMPTY)
  const mac = attributes.get(IFLA.address)
  const inOtherNamespace = attributes.has(IFLA.netnsId)
  return {
    index: view.getInt32(4, true),
    name: text(attributes.get(IFLA.name)) ?? '',
    mac: mac?.length === 6 ? macFromBytes(mac) : undefined,
    mtu: number(attributes.get(IFLA.mtu)) ?? 0,
    isUp: (flags & IFF.up) !== 0,
    hasCarrier: (flags & IFF.lowerUp) !== 0 && (flags & IFF.dormant) === 0, // IFF_RUNNING comes up to a second late
    canBroadcast: (flags & IFF.broadcast) !== 0,
    isLoopback: (flags & IFF.loopback) !== 0,
    isNoArp: (flags & IFF.noArp) !== 0,
    hardwareType: view.getUint16(2, true),
    kind: text(info.get(INFO.kind)),
    master: number(attributes.get(IFLA.master)),
    masterKind: text(info.get(INFO.slaveKind)),
    parent: inOtherNamespace ? undefined : number(attributes.get(IFLA.link)),
  }
}

function decodeAddress(body: Uint8Array): InterfaceAddress | undefined {
  if (body.length < 8) return undefined
  const attributes = attributesOf(body.subarray(8))
  // Of a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL ours.
  const own = attributes.get(IFA.local) ?? attributes.get(IFA.address)
  if (own === undefined || (own.length !== 4 && own.length !== 16)) return undefined
  const flags = number(attributes.get(IFA.flags)) ?? body[2]!
  return {
    address: addressFromBytes(own),
    prefixLength: body[1]!,
    isTentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
  }
}

function attributesOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>()
  const view = viewOf(bytes)
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > bytes.length) break
    attributes.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length))
    at += align(length)
  }
  return attributes
}

function align(length: number): number {
  return (length + 3) & ~3
}

function number(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined || bytes.length < 4 ? undefined : viewOf(bytes).getUint32(0, true)
}

function text(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const EMPTY = new Uint8Array(0)
