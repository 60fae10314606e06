import type { Instruction } from '@metallb-ts/linux-net'
import { address } from '@metallb-ts/netip'

const OFFSET = { opcode: 20, senderMac: 22, senderAddress: 28, targetMac: 32, targetAddress: 38 } as const
/** Askers are 10.88.240.0 to 255: a kernel that answers remembers each of them, and has room for a thousand. */
const ASKERS = number('10.88.240.0')
const MOST_ADDRESSES = 256

/**
 * An ARP request from a host that is made up: number `source` of many, so that no limit counts one asker. Its address is not
 * the client's: kernels that know the client would believe that the client has moved to the asker's hardware.
 */
export function request(source: number, target: number): Uint8Array {
  const frame = Buffer.alloc(60)
  frame.fill(0xff, 0, 6)
  frame.set([0x02, 0x55, 0, 0, source >> 8, source & 255], 6)
  frame.set([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1], 12)
  frame.copy(frame, OFFSET.senderMac, 6, 12)
  frame.writeUInt32BE(ASKERS + (source % MOST_ADDRESSES), OFFSET.senderAddress)
  frame.writeUInt32BE(target, OFFSET.targetAddress)
  return frame
}

/** Whose request a frame answers, for what, and the hardware address it gives; undefined for what is no answer to one of ours. */
export function answer(
  frame: Uint8Array,
): { readonly source: number; readonly target: number; readonly mac: string } | undefined {
  if (frame.length < 42 || frame[21] !== 2 || frame[0] !== 0x02 || frame[1] !== 0x55) return undefined
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  return {
    source: view.readUInt16BE(4),
    target: view.readUInt32BE(OFFSET.senderAddress),
    mac: view.toString('hex', OFFSET.senderMac, OFFSET.senderMac + 6),
  }
}

/** The address that a node tells everybody it has now, unasked; undefined for every other frame. */
export function announced(frame: Uint8Array): number | undefined {
  if (frame.length < 42 || frame[0] !== 0xff) return undefined
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  const address = view.readUInt32BE(OFFSET.senderAddress)
  return address === view.readUInt32BE(OFFSET.targetAddress) ? address : undefined
}

export function number(text: string): number {
  return Number(address(text).value)
}

/** Everything, whoever it is for: the askers are made up. */
export const EVERYTHING: readonly Instruction[] = [{ code: 0x06, jt: 0, jf: 0, k: 0x4_0000 }]
