import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scriptedControl } from '../src/testing/index.ts'
import {
  decodeControl,
  decodeEcho,
  diagnosticName,
  encodeControl,
  encodeEcho,
  type ControlPacket,
} from '../src/wire/index.ts'
import { controlPacket } from './arbitraries.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

/** A good packet with octets changed, by offset. */
function changed(changes: Readonly<Record<number, number>>, base = scriptedControl(), extra = 0): Uint8Array {
  const encoded = new Uint8Array([...encodeControl(base), ...new Uint8Array(extra)])
  for (const [offset, value] of Object.entries(changes)) encoded[Number(offset)] = value
  return encoded
}

function refusal(octets: Uint8Array): string | undefined {
  const decoded = decodeControl(octets)
  return decoded.ok ? undefined : decoded.error
}

const EXAMPLES: readonly (readonly [string, string, ControlPacket])[] = [
  [
    'the first packet',
    '20400318 0a0b0c0d 00000000 000f4240 000493e0 00000000',
    scriptedControl({ desiredMinTxUs: 1_000_000 }),
  ],
  [
    'just up, polling',
    '20e00318 0a0b0c0d 01020304 000493e0 000493e0 00000000',
    scriptedControl({ state: 'up', isPoll: true, yourDiscriminator: 0x01020304 }),
  ],
  [
    'taken down by an operator',
    '27000318 0a0b0c0d 01020304 000f4240 000493e0 00000000',
    scriptedControl({ state: 'admin-down', diagnostic: 7, yourDiscriminator: 0x01020304, desiredMinTxUs: 1_000_000 }),
  ],
  [
    'with a password',
    '21440321 0a0b0c0d 01020304 000f4240 000493e0 00000000 01090762 66646b65 79',
    scriptedControl({
      diagnostic: 1,
      yourDiscriminator: 0x01020304,
      desiredMinTxUs: 1_000_000,
      authentication: { kind: 'simple-password', keyId: 7, password: bytes('6266646b6579') },
    }),
  ],
]

describe('control packets', () => {
  test.each(EXAMPLES)('[F-PKT-01] octet by octet: %s', (_, text, packet) => {
    expect(hex(encodeControl(packet))).toBe(text.replaceAll(' ', ''))
    expect(decodeControl(bytes(text))).toEqual({ ok: true, value: packet })
  })

  test('[F-PKT-01] [F-PKT-02] reading undoes writing, whatever is in a packet', () => {
    fc.assert(
      fc.property(controlPacket, packet => {
        expect(decodeControl(encodeControl(packet))).toEqual({ ok: true, value: packet })
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([0, 2, 3, 4, 5, 6, 7])('[F-RX-01] version %i is none of ours', version => {
    expect(refusal(changed({ 0: version << 5 }))).toBe('bad-version')
  })

  test.each([
    ['multiplier 0', { 2: 0 }, 'zero-detect-multiplier'],
    ['multipoint', { 1: 0x41 }, 'multipoint'],
    ['multipoint that polls', { 1: 0x61 }, 'multipoint'],
    ['discriminator 0', { 4: 0, 5: 0, 6: 0, 7: 0 }, 'zero-my-discriminator'],
  ] as const)('[F-RX-01] %s is discarded', (_, changes, reason) => {
    expect(refusal(changed(changes))).toBe(reason)
  })

  test('[F-RX-02] payloads shorter than the mandatory part, the empty one included', () => {
    for (let length = 0; length < 24; length++)
      expect(refusal(encodeControl(scriptedControl()).subarray(0, length))).toBe('payload-too-short')
  })

  test('[F-RX-02] a Length below its minimum, without and with authentication', () => {
    for (let length = 0; length < 24; length++) expect(refusal(changed({ 3: length }))).toBe('length-below-minimum')
    for (let length = 0; length < 26; length++)
      expect(refusal(changed({ 1: 0x44, 3: length }, scriptedControl(), 8))).toBe('length-below-minimum')
  })

  test('[F-RX-02] a Length beyond the payload', () => {
    expect(refusal(changed({ 3: 25 }))).toBe('length-beyond-payload')
    expect(refusal(changed({ 3: 255 }))).toBe('length-beyond-payload')
  })

  test('[F-RX-02] octets behind Length are not read', () => {
    expect(decodeControl(changed({}, scriptedControl(), 40))).toEqual({ ok: true, value: scriptedControl() })
  })

  test.each([
    ['1 without a password', '0103 07'],
    ['1 with 17 octets of one', `0114 07 ${'61'.repeat(17)}`],
    ['1 that says it has no length', '0100 07 61'],
    ['1 beyond the packet', '0109 07 61'],
    ['2 an octet short', `0217 0700 00000001 ${'00'.repeat(15)}`],
    ['3 with the digest of 5', `031c 0700 00000001 ${'00'.repeat(20)}`],
    ['4 with the digest of 2', `0418 0700 00000001 ${'00'.repeat(16)}`],
    ['5 an octet long', `051d 0700 00000001 ${'00'.repeat(21)}`],
  ])('[F-PKT-02] a section of type %s is malformed', (_, text) => {
    const section = bytes(text)
    const packet = scriptedControl({ authentication: { kind: 'malformed', octets: section } })
    expect(decodeControl(encodeControl(packet))).toEqual({ ok: true, value: packet })
  })

  test.each([
    ['2', `0218 0700 fffffffe ${'ab'.repeat(16)}`, 'keyed-md5'],
    ['3', `0318 0700 fffffffe ${'ab'.repeat(16)}`, 'meticulous-keyed-md5'],
    ['4', `041c 0700 fffffffe ${'ab'.repeat(20)}`, 'keyed-sha1'],
    ['5', `051c 0700 fffffffe ${'ab'.repeat(20)}`, 'meticulous-keyed-sha1'],
  ])('[F-PKT-02] a section of type %s is read', (_, text, kind) => {
    const octets = bytes(text)
    const decoded = decodeControl(encodeControl(scriptedControl({ authentication: { kind: 'malformed', octets } })))
    expect(decoded).toMatchObject({
      ok: true,
      value: { authentication: { kind, keyId: 7, sequence: 0xffff_fffe, digest: octets.subarray(8) } },
    })
  })

  test('[F-PKT-02] sections that cannot be are not written', () => {
    const write = (authentication: NonNullable<ControlPacket['authentication']>) => () =>
      encodeControl(scriptedControl({ authentication }))
    expect(write({ kind: 'simple-password', keyId: 1, password: new Uint8Array(17) })).toThrow(RangeError)
    expect(write({ kind: 'keyed-md5', keyId: 1, sequence: 1, digest: new Uint8Array(20) })).toThrow(RangeError)
  })

  test('a diagnostic without a name is no error', () => {
    expect(decodeControl(changed({ 0: 0x20 | 31 }))).toMatchObject({ ok: true, value: { diagnostic: 31 } })
    expect([diagnosticName(1), diagnosticName(31)]).toEqual(['detection-time-expired', 'diagnostic-31'])
  })
})

describe('echo packets', () => {
  test('[F-ECHO-01] the form that FRR gives them', () => {
    expect(hex(encodeEcho({ myDiscriminator: 0x0a0b0c0d, sentAt: 12_345.678 }))).toBe(
      '01180000' + '0a0b0c0d' + '000000000000000c' + '000000000005464e',
    )
  })

  test('reading undoes writing, to the microsecond', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 2 ** 40 }), (myDiscriminator, microseconds) => {
        const echo = { myDiscriminator, sentAt: microseconds / 1_000 }
        const read = decodeEcho(encodeEcho(echo))
        expect(read?.myDiscriminator).toBe(myDiscriminator)
        expect(read?.sentAt).toBeCloseTo(echo.sentAt, 3)
      }),
    )
  })

  test('what has another form is none', () => {
    const echo = encodeEcho({ myDiscriminator: 1, sentAt: 0 })
    expect(decodeEcho(echo.subarray(0, 23))).toBeUndefined()
    expect(decodeEcho(echo.with(0, 2))).toBeUndefined()
    expect(decodeEcho(echo.with(1, 25))).toBeUndefined()
  })
})
