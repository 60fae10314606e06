import { spawn } from 'node:child_process'
import { libcClose, libcRead, libcSocketpair, libcWaitpid, libcWrite, SOCK_CLOEXEC, SOCK_NONBLOCK } from './libc.ts'
import { checked } from './system-error.ts'

/**
 * A process at the other end of a stream socket that a poll loop can wait for. Node's own channels need an event loop
 * that turns, which the loop's thread has not: neither does it hear of an exit, so that the end of the stream tells.
 */
export class ChildStream {
  readonly fd: number
  readonly #pid: number | undefined

  /** @param args of Node; the child finds the stream as descriptor 3 */
  constructor(args: readonly string[]) {
    const [own, theirs] = socketpair()
    this.fd = own
    const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'ignore', 'inherit', theirs] })
    child.on('error', () => {}) // told by the end of the stream
    child.unref()
    this.#pid = child.pid
    libcClose(theirs)
  }

  /** Octets read into `buffer` at `offset`; 0 when nothing is there now, undefined when the child has ended. */
  read(buffer: Buffer, offset: number): number | undefined {
    const length = libcRead(this.fd, buffer.subarray(offset), buffer.length - offset)
    if (length > 0) return length
    return length === 0 ? undefined : 0
  }

  /** False when the child has no room for it, or is gone. */
  write(bytes: Uint8Array): boolean {
    return libcWrite(this.fd, bytes, bytes.length) === bytes.length
  }

  /** Ends the child, whatever it does. */
  close(): void {
    libcClose(this.fd)
    if (this.#pid === undefined) return
    try {
      process.kill(this.#pid, 'SIGKILL')
    } catch {
      // it has ended
    }
    libcWaitpid(this.#pid, null, 0)
  }
}

const AF_UNIX = 1
const SOCK_STREAM = 1

function socketpair(): readonly [number, number] {
  const pair = Buffer.alloc(8)
  checked('socketpair', libcSocketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
  return [pair.readInt32LE(0), pair.readInt32LE(4)]
}
