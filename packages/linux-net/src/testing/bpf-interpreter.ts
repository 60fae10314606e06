import type { Instruction } from '../bpf.ts'

export interface PacketFacts {
  /** 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 outgoing. */
  readonly packetType: number
  readonly hasVlanTag: boolean
}

/** Runs a classic BPF program as the kernel would: how many octets of the frame pass, 0 for none. */
export function runFilter(
  program: readonly Instruction[],
  frame: Uint8Array,
  { packetType, hasVlanTag }: PacketFacts,
  onStep: () => void = () => {},
): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const load = (k: number, width: 1 | 2 | 4): number | undefined => {
    if (k === 0xffff_f004) return packetType
    if (k === 0xffff_f030) return hasVlanTag ? 1 : 0
    if (k + width > frame.length) return undefined
    return width === 4 ? view.getUint32(k) : width === 2 ? view.getUint16(k) : view.getUint8(k)
  }
  let accumulator = 0
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc]!
    onStep()
    if (code === 0x06) return Math.min(k, frame.length)
    if (code === 0x15) pc += accumulator === k ? jt : jf
    else if (code === 0x35) pc += accumulator >= k ? jt : jf
    else if (code === 0x05) pc += k
    else {
      const loaded = load(k, code === 0x20 ? 4 : code === 0x28 ? 2 : 1)
      if (loaded === undefined) return 0 // the kernel drops what a load would read past
      accumulator = loaded
    }
  }
  throw new RangeError('the program fell off its end')
}
