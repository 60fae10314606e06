import { randomBytes } from 'node:crypto'
import type { Random } from '../random.ts'

/** Unpredictable; 48 bits a draw, read from the system in blocks. */
export function realRandom(): Random {
  let block = Buffer.alloc(0)
  let offset = 0
  return {
    next: () => {
      if (offset + DRAW_BYTES > block.length) {
        block = randomBytes(BLOCK_BYTES)
        offset = 0
      }
      const value = block.readUIntBE(offset, DRAW_BYTES) / 2 ** 48
      offset += DRAW_BYTES
      return value
    },
  }
}

const DRAW_BYTES = 6
const BLOCK_BYTES = DRAW_BYTES * 512
