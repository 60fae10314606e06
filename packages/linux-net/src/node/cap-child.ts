// The process of one interface: ARP and neighbor messages from libpcap to descriptor 3, and back. It ends when the stream
// does, and with the interface, which the package `cap` does not survive. `cap-child.ts <interface>`
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { framed, FrameReader } from './frame-stream.ts'

interface Cap {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string
  setMinBytes?(octets: number): void
  send(buffer: Buffer, length: number): void
  on(event: 'packet', handler: (length: number, isTruncated: boolean) => void): void
}

const { Cap: Capture } = createRequire(import.meta.url)('cap') as { readonly Cap: new () => Cap }

const RING = 1 << 20 // really allocated, for each interface
const LONGEST_FRAME = 2_048
/** Own frames are seen, too, without `inbound`. */
const FILTER = 'inbound and (arp or (icmp6 and (ip6[40] == 135 or ip6[40] == 136)))'

const capture = new Capture()
const buffer = Buffer.alloc(65_535)
const kind = capture.open(process.argv[2] ?? '', FILTER, RING, buffer)
if (kind !== 'ETHERNET') throw new TypeError(`${process.argv[2] ?? ''} is no Ethernet interface`)
capture.setMinBytes?.(0)

const stream = new Socket({ fd: 3, readable: true, writable: true })
const reader = new FrameReader()
capture.on('packet', length => {
  if (length <= LONGEST_FRAME && stream.writableLength < RING) stream.write(framed(buffer.subarray(0, length)))
})
stream.on('data', bytes => {
  for (let at = 0; at < bytes.length;) {
    const room = Math.min(bytes.length - at, reader.buffer.length - reader.filled)
    bytes.copy(reader.buffer, reader.filled, at, at + room)
    at += room
    if (reader.take(room, frame => capture.send(Buffer.from(frame), frame.length)) === 'too-long') process.exit(1)
  }
})
stream.on('close', () => process.exit(0))
stream.on('error', () => process.exit(0))
