import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { bits, boolean, der, integer, objectId, octets, sequence, set, tagged, time, utf8 } from './der.ts'

/** A certificate and its key, both PEM. The key is PKCS #1, which every reader of such Secrets understands. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface CertificateInit {
  readonly commonName: string
  readonly organization?: string
  /** DNS names and IP addresses. */
  readonly names?: readonly string[]
  /** The clock's wall time in milliseconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** Who signs. @default itself, as an authority that may sign others */
  readonly issuer?: KeyPair
  /** What it may prove. @default server */
  readonly usage?: 'server' | 'client'
}

/** An X.509 v3 certificate with a new RSA key of 2048 bits, signed with SHA-256 (RFC 5280). */
export async function issueCertificate(init: CertificateInit): Promise<KeyPair> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2_048 })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const subject = nameOf(init)
  const signer = init.issuer === undefined ? privateKey : createPrivateKey(init.issuer.key)
  const issuer = init.issuer === undefined ? subject : subjectOf(init.issuer.cert)
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.from([0x40 | (randomBytes(1)[0]! >> 2), ...randomBytes(15)])),
    SHA256_WITH_RSA,
    issuer,
    sequence(time(init.notBefore), time(init.notAfter)),
    subject,
    spki,
    tagged(3, sequence(...extensionsOf(init, spki))),
  )
  const certificate = sequence(body, SHA256_WITH_RSA, bits(sign('sha256', body, signer)))
  return { cert: pem('CERTIFICATE', certificate), key: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string }
}

/** Whether the key belongs to the certificate. */
export function belongTogether({ cert, key }: KeyPair): boolean {
  try {
    return spkiOf(createPrivateKey(key)).equals(spkiOf(cert))
  } catch {
    return false
  }
}

const SHA256_WITH_RSA = sequence(objectId('1.2.840.113549.1.1.11'), der(0x05))

function nameOf({ commonName, organization }: CertificateInit): Buffer {
  const part = (id: string, text: string): Buffer => set(sequence(objectId(id), utf8(text)))
  return sequence(...(organization === undefined ? [] : [part('2.5.4.10', organization)]), part('2.5.4.3', commonName))
}

function extensionsOf({ names = [], issuer, usage = 'server' }: CertificateInit, spki: Buffer): readonly Buffer[] {
  const critical = (id: string, value: Buffer): Buffer => sequence(objectId(id), boolean(true), octets(value))
  const plain = (id: string, value: Buffer): Buffer => sequence(objectId(id), octets(value))
  const isAuthority = issuer === undefined
  const purpose = usage === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2'
  return [
    critical('2.5.29.19', isAuthority ? sequence(boolean(true)) : sequence()),
    // Signing of certificates, or of handshakes and keys (RFC 5280 §4.2.1.3).
    critical('2.5.29.15', isAuthority ? bits(Buffer.from([0x86]), 1) : bits(Buffer.from([0xa0]), 5)),
    plain('2.5.29.14', octets(keyIdentifier(spki))),
    plain('2.5.29.35', sequence(der(0x80, keyIdentifier(issuer === undefined ? spki : spkiOf(issuer.cert))))),
    ...(isAuthority ? [] : [plain('2.5.29.37', sequence(objectId(purpose)))]),
    ...(names.length === 0 ? [] : [plain('2.5.29.17', sequence(...names.map(generalName)))]),
  ]
}

function spkiOf(key: string | KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** Any function of the key will do (RFC 5280 §4.2.1.2). */
function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20)
}

function generalName(name: string): Buffer {
  const family = isIP(name)
  if (family === 0) return der(0x82, Buffer.from(name, 'ascii'))
  return der(0x87, family === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Octets(name))
}

function ipv6Octets(text: string): Buffer {
  const [head = '', tail] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const after = tail === undefined ? [] : groups(tail)
  const filled = [...groups(head), ...Array<string>(8).fill('0')].slice(0, 8 - after.length).concat(after)
  return Buffer.from(filled.map(group => group.padStart(4, '0')).join(''), 'hex')
}

/** The subject field of a certificate, octet for octet: an issuer's name must equal it. */
function subjectOf(cert: string): Buffer {
  const bytes = Buffer.from(cert.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const [certificate] = children(bytes)
  const [body] = children(certificate!.content)
  const fields = children(body!.content).filter(({ tag }) => tag !== 0xa0)
  return fields[4]!.whole // serial, algorithm, issuer, validity, subject
}

function children(bytes: Buffer): readonly { tag: number; content: Buffer; whole: Buffer }[] {
  const found = []
  for (let at = 0; at < bytes.length;) {
    let length = bytes[at + 1]!
    let start = at + 2
    if (length >= 0x80) {
      const size = length & 0x7f
      length = bytes.readUIntBE(start, size)
      start += size
    }
    const end = start + length
    found.push({ tag: bytes[at]!, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) })
    at = end
  }
  return found
}

function pem(label: string, bytes: Buffer): string {
  return `-----BEGIN ${label}-----\n${bytes
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')}\n-----END ${label}-----\n`
}
