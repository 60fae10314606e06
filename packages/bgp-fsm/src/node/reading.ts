import type { Socket } from 'node:net'

/**
 * Hands over what comes of a socket in small pieces, and no more in a turn of the event loop than all sockets together may
 * take time for. Answers how to hand over at once what still waits.
 */
export function readInTurns(socket: Socket, received: (bytes: Uint8Array) => void): () => void {
  let held: Uint8Array = NOTHING
  const takePiece = (): boolean => {
    const piece = held.subarray(0, PIECE_OCTETS)
    held = held.subarray(piece.length)
    received(piece)
    return held.length > 0
  }
  const goOn = (): void => {
    if (!READING.work(takePiece)) return READING.wait(goOn)
    held = NOTHING
    socket.resume()
  }
  socket.on('data', (bytes: Uint8Array) => {
    held = bytes
    if (READING.work(takePiece)) return
    socket.pause() // Node holds little more than the system does
    READING.wait(goOn)
  })
  return () => {
    READING.forget(goOn)
    const rest = held
    held = NOTHING
    if (rest.length > 0) received(rest)
  }
}

/** Time that is shared in each turn of the event loop. */
class SharedTurn {
  readonly #waiting = new Set<() => void>()
  #spentMs = 0
  #isArmed = false

  /** One step after the other, as long as they answer true and there is time; answers whether all is done. */
  work(step: () => boolean): boolean {
    this.#arm()
    const begunMs = performance.now() - this.#spentMs
    let hasMore = true
    while (hasMore && this.#spentMs < MOST_MS_A_TURN) {
      hasMore = step()
      this.#spentMs = performance.now() - begunMs
    }
    return !hasMore
  }

  /** Called in the next turn, in the order of coming. */
  wait(goOn: () => void): void {
    this.#waiting.add(goOn)
  }

  forget(goOn: () => void): void {
    this.#waiting.delete(goOn)
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    this.#isArmed = false
    this.#spentMs = 0
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const goOn of waiting) goOn()
  }
}

const READING = new SharedTurn()
const NOTHING = new Uint8Array(0)
const PIECE_OCTETS = 4_096
const MOST_MS_A_TURN = 4
