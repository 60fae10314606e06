import fc from 'fast-check'
import { STATE_NAMES, type Authentication, type ControlPacket } from '../src/wire/index.ts'

const u8 = fc.nat({ max: 255 })
const u32 = fc.nat({ max: 0xffff_ffff })
const octets = (minLength: number, maxLength = minLength): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength })

export const authentication: fc.Arbitrary<Authentication> = fc.oneof(
  fc.record({ kind: fc.constant('simple-password' as const), keyId: u8, password: octets(1, 16) }),
  fc.record({
    kind: fc.constantFrom('keyed-md5' as const, 'meticulous-keyed-md5' as const),
    keyId: u8,
    sequence: u32,
    digest: octets(16),
  }),
  fc.record({
    kind: fc.constantFrom('keyed-sha1' as const, 'meticulous-keyed-sha1' as const),
    keyId: u8,
    sequence: u32,
    digest: octets(20),
  }),
  fc.record({ kind: fc.constant('unknown' as const), type: fc.integer({ min: 6, max: 255 }), data: octets(0, 60) }),
)

export const controlPacket: fc.Arbitrary<ControlPacket> = fc
  .record({
    diagnostic: fc.nat({ max: 31 }),
    state: fc.constantFrom(...STATE_NAMES),
    isPoll: fc.boolean(),
    isFinal: fc.boolean(),
    isControlPlaneIndependent: fc.boolean(),
    isDemand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    yourDiscriminator: fc.oneof(fc.constant(0), u32),
    desiredMinTxUs: u32,
    requiredMinRxUs: u32,
    requiredMinEchoRxUs: u32,
  })
  .chain(packet =>
    fc.option(authentication).map(section => (section ? { ...packet, authentication: section } : packet)),
  )
