import type { Socket } from 'node:net'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { Turns } from '../turns.ts'

/**
 * Hands over what comes of a socket in small pieces, and no more in a turn of the event loop than all sockets together may
 * take time for. Answers how to hand over at once what still waits.
 */
export function readInTurns(socket: Socket, received: (bytes: Uint8Array) => void): () => void {
  let held: Uint8Array = NOTHING
  const readPiece = (): number | undefined => {
    const piece = held.subarray(0, PIECE_OCTETS)
    held = held.subarray(piece.length)
    received(piece)
    if (held.length > 0) return piece.length
    held = NOTHING
    if (socket.isPaused()) socket.resume()
    return undefined
  }
  socket.on('data', (bytes: Uint8Array) => {
    held = bytes
    READING.begin(socket, readPiece)
    if (held.length > 0) socket.pause() // Node holds little more than the system does
  })
  return () => {
    READING.cancel(socket)
    const rest = held
    held = NOTHING
    if (rest.length > 0) received(rest)
  }
}

/** Shared by all sockets of the process; its time bounds it, and nothing else. */
const READING = new Turns(REAL_CLOCK, Infinity)
const NOTHING = new Uint8Array(0)
const PIECE_OCTETS = 4_096
