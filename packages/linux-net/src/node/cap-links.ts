import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Mac } from '@metallb-ts/netip'
import type { Link } from '../link-table.ts'
import { ChildStream } from './child-process.ts'
import { FrameReader, framed } from './frame-stream.ts'
import type { OpenedLink, OpenLink, PacketLinks } from './links.ts'
import { joinedOn, MulticastGroups } from './multicast.ts'
import { NetlinkMonitor } from './netlink-socket.ts'
import type { LoopClock, PollLoop } from './poll-loop.ts'
import { SystemError } from './system-error.ts'

/**
 * Interfaces through libpcap, by the package `cap`, which aborts its process when an interface goes down: each is opened
 * by a process of its own, which is started again for as long as the interface is wanted.
 */
export function capLinks(loop: Pick<PollLoop, 'add' | 'clock'>): PacketLinks {
  const groups = new MulticastGroups()
  return {
    open: (link, onFrame) => {
      if (!isCapInstalled())
        return { ok: false, error: { code: 'refused', detail: 'the package cap is not installed' } }
      return openLink(loop, groups, link, onFrame)
    },
    watch: onLinks => new NetlinkMonitor(loop, onLinks),
    close: () => groups.close(),
  }
}

/** An optional dependency: it needs a compiler and the headers of libpcap. */
export function isCapInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('cap')
    return true
  } catch {
    return false
  }
}

function openLink(
  loop: Pick<PollLoop, 'add' | 'clock'>,
  groups: MulticastGroups,
  link: Pick<Link, 'index' | 'name' | 'mac' | 'mtu'>,
  onFrame: (frame: Uint8Array) => void,
): OpenedLink {
  try {
    const child = new SupervisedChild(loop, link.name, onFrame)
    return { ok: true, value: port(child, groups, link) }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return { ok: false, error: { code: 'out-of-resources', detail: error.message } }
  }
}

function port(
  child: SupervisedChild,
  groups: MulticastGroups,
  { index, mac, mtu }: Pick<Link, 'index' | 'mac' | 'mtu'>,
): OpenLink {
  const joined = joinedOn(groups, index)
  return {
    mac: mac ?? (0 as Mac),
    mtu,
    send: frame => child.send(frame),
    join: joined.join,
    leave: joined.leave,
    listenFor: () => {}, // who reads the frames looks alone
    close: () => {
      joined.leaveAll()
      child.close()
    },
  }
}

/** The process of one interface; another one when it ends. */
class SupervisedChild {
  readonly #loop: Pick<PollLoop, 'add' | 'clock'>
  readonly #name: string
  readonly #onFrame: (frame: Uint8Array) => void
  #stream: ChildStream | undefined
  #registration: { remove(): void } | undefined
  #restart: ReturnType<LoopClock['setTimer']> | undefined
  #isOpen = true
  #attempt = 0

  constructor(loop: Pick<PollLoop, 'add' | 'clock'>, name: string, onFrame: (frame: Uint8Array) => void) {
    this.#loop = loop
    this.#name = name
    this.#onFrame = onFrame
    this.#start()
  }

  /** False while the process is not there. */
  send(frame: Uint8Array): boolean {
    return this.#stream?.write(framed(frame)) ?? false
  }

  close(): void {
    this.#isOpen = false
    this.#restart?.cancel()
    this.#end()
  }

  #start(): void {
    const reader = new FrameReader()
    const stream = new ChildStream([...CHILD, this.#name])
    this.#stream = stream
    this.#registration = this.#loop.add(stream.fd, () => {
      const length = stream.read(reader.buffer, reader.filled)
      if (length === undefined) return this.#onEnd()
      const outcome = length === 0 ? 'ok' : reader.take(length, frame => this.#received(frame))
      if (outcome === 'too-long') this.#onEnd()
    })
  }

  #received(frame: Uint8Array): void {
    this.#attempt = 0
    if (this.#isOpen) this.#onFrame(frame)
  }

  #onEnd(): void {
    this.#end()
    if (!this.#isOpen) return
    const ms = Math.min(MOST_RESTART_MS, LEAST_RESTART_MS * 2 ** Math.min(10, this.#attempt++))
    this.#restart = this.#loop.clock.setTimer(ms, () => this.#start())
  }

  #end(): void {
    this.#registration?.remove()
    this.#stream?.close()
    this.#stream = undefined
    this.#registration = undefined
  }
}

const LEAST_RESTART_MS = 100
const MOST_RESTART_MS = 5_000

const isSource = import.meta.url.endsWith('.ts')
const CHILD = [
  ...(isSource ? ['--conditions=development'] : []),
  fileURLToPath(new URL(isSource ? './cap-child.ts' : './cap-child.js', import.meta.url)),
]
