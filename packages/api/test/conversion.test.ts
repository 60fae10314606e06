import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { convertPeer, NEWER_FIELDS_ANNOTATION, RESOURCES, type KubeObject } from '../src/index.ts'

const OLDER = 'metallb.io/v1beta1'
const NEWER = 'metallb.io/v1beta2'

type Peer = KubeObject & { readonly spec: Readonly<Record<string, unknown>> }

const peer = (apiVersion: string, spec: object, annotations?: Readonly<Record<string, string>>): Peer => ({
  apiVersion,
  kind: 'BGPPeer',
  metadata: { name: 'r', namespace: 'metallb-system', ...(annotations !== undefined && { annotations }) },
  spec: { ...spec },
})
const noted = (more: unknown): Readonly<Record<string, string>> => ({ [NEWER_FIELDS_ANNOTATION]: JSON.stringify(more) })

const SHARED = { myASN: 64_512, peerASN: 64_513, peerAddress: '2001:db8::1', holdTime: '90s', bfdProfile: 'fast' }
const ONLY_NEWER = {
  localASN: 64_999,
  connectTime: '5s',
  passwordSecret: { name: 'md5' },
  enableGracefulRestart: true,
  vrf: 'red',
  dualStackAddressFamily: true,
}

describe('[row 102] BGPPeers of another version', () => {
  it('what the older version cannot say waits in an annotation, and comes back from it', () => {
    const newer = peer(NEWER, { ...SHARED, ...ONLY_NEWER }, { team: 'a' })
    const older = convertPeer(newer, OLDER)
    expect(older).toEqual(peer(OLDER, SHARED, { team: 'a', ...noted(ONLY_NEWER) }))
    expect(convertPeer(older, NEWER)).toEqual(newer)
  })

  it('what the older version changes is changed, and the rest stays', () => {
    const older = convertPeer(peer(NEWER, { ...SHARED, ...ONLY_NEWER }), OLDER)
    const edited = { ...older, spec: { ...older.spec, holdTime: '9s', password: 'new' } }
    expect(convertPeer(edited, NEWER).spec).toEqual({ ...SHARED, ...ONLY_NEWER, holdTime: '9s', password: 'new' })
  })

  it('a router that is found on an interface has no address and no AS number there, and none afterwards', () => {
    const newer = peer(NEWER, { myASN: 1, dynamicASN: 'external', interface: 'eth0' })
    const older = convertPeer(newer, OLDER)
    expect(older.spec).toEqual({ myASN: 1, peerASN: 0, peerAddress: '' })
    expect(convertPeer(older, NEWER)).toEqual(newer)
  })

  it('a timer that was not given stays so; port 0 is the default port', () => {
    const { spec } = convertPeer(peer(OLDER, { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1', peerPort: 0 }), NEWER)
    expect(spec).toEqual({ myASN: 1, peerASN: 2, peerAddress: '192.0.2.1' })
  })

  it('nothing is noted of what v1beta2 has by default', () => {
    const { metadata } = convertPeer(peer(NEWER, { ...SHARED, disableMP: false, dualStackAddressFamily: false }), OLDER)
    expect(metadata).toEqual({ name: 'r', namespace: 'metallb-system' })
  })

  it.each([
    ['no JSON', '{"vrf":'],
    ['a list', '["vrf"]'],
    ['a field of both versions', '{"myASN":7}'],
    ['a field of none', '{"__proto__":{"vrf":"red"},"colour":"red"}'],
    ['a value of another type', '{"vrf":5,"localASN":"1","enableGracefulRestart":1,"passwordSecret":"md5"}'],
    ['a value out of bounds', '{"localASN":0,"dynamicASN":"any","passwordSecret":{"name":7}}'],
    ['more than it may hold', '{"passwordSecret":{"key":"a"}}'],
  ])('an annotation that somebody broke adds nothing: %s', (_, text) => {
    expect(convertPeer(peer(OLDER, SHARED, { [NEWER_FIELDS_ANNOTATION]: text }), NEWER)).toEqual(peer(NEWER, SHARED))
  })

  it('of a broken annotation, what is right is taken', () => {
    const older = peer(OLDER, SHARED, noted({ vrf: 'red', localASN: -1 }))
    expect(convertPeer(older, NEWER).spec).toEqual({ ...SHARED, vrf: 'red' })
  })

  it('an annotation of v1beta2 says nothing', () => {
    expect(convertPeer(peer(NEWER, SHARED, noted({ vrf: 'red' })), OLDER)).toEqual(peer(OLDER, SHARED))
  })

  it('the version that it has already is the object itself', () => {
    const same = peer(NEWER, SHARED, noted({ vrf: 'red' }))
    expect(convertPeer(same, NEWER)).toBe(same)
  })

  it('other kinds and versions are refused with the reason', () => {
    expect(() => convertPeer({ ...peer(NEWER, {}), kind: 'Community' }, OLDER)).toThrow(
      'Community has one version only',
    )
    expect(() => convertPeer(peer(NEWER, {}), 'metallb.io/v1')).toThrow('BGPPeer has no version metallb.io/v1')
    expect(() => convertPeer(peer('v1beta1', {}), NEWER)).toThrow('BGPPeer has no version v1beta1')
  })

  it('whatever stands in a BGPPeer, there and back again loses nothing', () => {
    const there = (one: Peer, apiVersion: string): Peer => convertPeer(convertPeer(one, apiVersion), one.apiVersion!)
    const metadata = fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined })
    fc.assert(
      fc.property(specs('v1beta2'), metadata, (spec, labels) => {
        const one = peer(NEWER, spec)
        const back = there({ ...one, metadata: { ...one.metadata, ...(labels && { labels }) } }, OLDER)
        expect(back).toEqual({ ...one, metadata: back.metadata, spec: withoutDefaults(spec) })
        expect(back.metadata.labels).toEqual(labels)
      }),
      { seed: 102, numRuns: 500 },
    )
    fc.assert(
      fc.property(specs('v1beta1'), spec => {
        const { peerPort, ...others } = spec
        expect(there(peer(OLDER, spec), NEWER).spec).toEqual(peerPort === 0 ? others : spec)
      }),
      { seed: 102, numRuns: 500 },
    )
  })
})

type Schema = NonNullable<(typeof RESOURCES)[number]['versions'][number]['spec']>

/** Specs that the version's schema takes. */
function specs(version: string): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const peers = RESOURCES.find(({ kind }) => kind === 'BGPPeer')!
  return values(peers.versions.find(({ name }) => name === version)!.spec!) as never
}

function values(schema: Schema): fc.Arbitrary<unknown> {
  const { type, properties, required = [], items, additionalProperties, minimum, maximum } = schema
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (type === 'string') return fc.string()
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer') return fc.integer({ min: minimum ?? 0, max: Math.min(maximum ?? 0, 2 ** 31 - 1) })
  if (type === 'array') return fc.array(values(items!), { minLength: schema.minItems ?? 0, maxLength: 3 })
  if (additionalProperties !== undefined) return fc.dictionary(fc.string(), values(additionalProperties))
  const fields = Object.entries(properties ?? {}).map(([name, one]) => [name, values(one)] as const)
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...required] })
}

/** The API server writes these in again, and 0 or an empty text names no router. */
function withoutDefaults(spec: Readonly<Record<string, unknown>>): object {
  const nothing: Readonly<Record<string, unknown>> = {
    disableMP: false,
    dualStackAddressFamily: false,
    peerASN: 0,
    peerAddress: '',
  }
  return Object.fromEntries(Object.entries(spec).filter(([name, value]) => value !== nothing[name]))
}
