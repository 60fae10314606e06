import { endianness } from 'node:os'
import { libcSyscall } from './libc.ts'

/** How the kernel chooses this thread: before all others; with short turns, but early ones; as every other thread. */
export type ThreadPriority = 'real-time' | 'short-slice' | 'ordinary'

/**
 * Asks for the calling thread to run as soon as it has something to do: SCHED_RR at its least priority, which needs
 * CAP_SYS_NICE, else a short slice, which needs nothing and counts from Linux 6.12 on. Never throws; threads that it starts
 * are ordinary ones.
 */
export function raiseThreadPriority(): ThreadPriority {
  if (setAttributes({ policy: SCHED_RR, priority: 1 })) return 'real-time'
  return setAttributes({ policy: SCHED_OTHER, sliceNs: SHORTEST_SLICE_NS }) ? 'short-slice' : 'ordinary'
}

interface Attributes {
  readonly policy: number
  readonly priority?: number
  readonly sliceNs?: bigint
}

/** `struct sched_attr` of sched_setattr(2), for which the C library has no name. */
function setAttributes({ policy, priority = 0, sliceNs = 0n }: Attributes): boolean {
  const number = SYSCALL_NUMBERS[process.arch]
  if (number === undefined || endianness() !== 'LE') return false
  const bytes = Buffer.alloc(ATTRIBUTES_LENGTH)
  bytes.writeUInt32LE(ATTRIBUTES_LENGTH, 0)
  bytes.writeUInt32LE(policy, 4)
  bytes.writeBigUInt64LE(RESET_ON_FORK, 8)
  bytes.writeUInt32LE(priority, 20)
  bytes.writeBigUInt64LE(sliceNs, 24)
  return libcSyscall(number, THIS_THREAD, bytes, 0) === 0
}

const SYSCALL_NUMBERS: Readonly<Record<string, number>> = { x64: 314, arm64: 274 }
const SCHED_OTHER = 0
const SCHED_RR = 2
const RESET_ON_FORK = 1n
const SHORTEST_SLICE_NS = 100_000n // the kernel takes no less
const ATTRIBUTES_LENGTH = 48
const THIS_THREAD = 0
