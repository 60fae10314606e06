import { createWriteStream } from 'node:fs'
import type { Clock } from '@metallb-ts/runtime'
import { PcapEncoder, pcapHeader, type PassedMessage } from '../pcap.ts'

/** A capture that is being written. */
export interface CaptureFile {
  /** What a speaker takes as `onMessage`. */
  readonly onMessage: (message: PassedMessage) => void
  /** Messages that were left out, because the file is full, the disk slow, or writing failed. */
  readonly dropped: number
  /** Resolves when everything is on disk. */
  close(): Promise<void>
}

/** Where to write it, and how much. */
export interface CaptureFileInit {
  /** Replaced when it is there; readable by its owner only. */
  readonly path: string
  readonly clock: Pick<Clock, 'wallTime'>
  /** The file grows no larger, in octets. @default 100000000 */
  readonly mostOctets?: number
  /** The file cannot be written; sessions go on. @default nobody is told */
  readonly onTrouble?: (reason: string) => void
}

/** Writes every BGP message to a capture file that Wireshark and tcpdump read. */
export function captureFile({ path, clock, mostOctets = MOST_OCTETS, onTrouble }: CaptureFileInit): CaptureFile {
  const encoder = new PcapEncoder()
  const file = createWriteStream(path, { mode: 0o600 })
  const state = { octets: 0, dropped: 0, isBroken: false }
  file.on('error', error => {
    state.isBroken = true
    onTrouble?.(error.message)
  })
  const write = (bytes: Uint8Array): void => {
    state.octets += bytes.length
    file.write(bytes)
  }
  write(pcapHeader())
  return {
    onMessage: message => {
      const packets = encoder.encode(message, clock.wallTime())
      const hasRoom = state.octets + packets.length <= mostOctets && file.writableLength < MOST_WAITING_OCTETS
      if (hasRoom && !state.isBroken) write(packets)
      else state.dropped++
    },
    get dropped() {
      return state.dropped
    },
    close: () =>
      new Promise(resolve => {
        if (state.isBroken || file.closed) return resolve()
        file.once('close', resolve)
        file.end()
      }),
  }
}

const MOST_OCTETS = 100_000_000
const MOST_WAITING_OCTETS = 16_000_000
