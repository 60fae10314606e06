import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import type { Cipher } from '../membership.ts'

/**
 * AES-256-GCM under the key that MetalLB derives from its memberlist Secret: the first 32 octets of the secret followed
 * by the SHA-256 of nothing. An empty secret seals nothing, as MetalLB's does.
 */
export function secretCipher(secret: string): Cipher {
  return secret === '' ? OPEN : aesGcm(memberKey(secret))
}

export function memberKey(secret: string): Buffer {
  const nothing = createHash('sha256').digest()
  return Buffer.concat([Buffer.from(secret), nothing]).subarray(0, 32)
}

const OPEN: Cipher = { seal: plain => plain, open: sealed => sealed }

const VERSION = Uint8Array.of(1)
const NONCE = 12
const TAG = 16

function aesGcm(key: Buffer): Cipher {
  return {
    seal: plain => {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      cipher.setAAD(VERSION)
      return Buffer.concat([VERSION, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open: sealed => {
      if (sealed.length < 1 + NONCE + TAG || sealed[0] !== VERSION[0]) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE))
      decipher.setAAD(VERSION)
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE, sealed.length - TAG)), decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}
