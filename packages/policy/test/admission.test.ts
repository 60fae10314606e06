import type { KubeObject } from '@metallb-ts/api'
import { describe, expect, it } from 'vitest'
import { judgeWrite, type ConfigKind, type ConfigResources, type ProposedWrite } from '../src/index.ts'

const SYSTEM = 'metallb-system'
const NOTHING: ConfigResources = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  bfdProfiles: [],
  communities: [],
  namespaces: [],
  nodes: [],
  secrets: [],
}

function object(name: string, spec: object): KubeObject {
  return { metadata: { name, namespace: SYSTEM }, spec } as KubeObject
}

function write(kind: ConfigKind, name: string, spec: object, more: Partial<ProposedWrite> = {}): ProposedWrite {
  return { kind, operation: 'CREATE', name, namespace: SYSTEM, object: object(name, spec), ...more }
}

const pool = (addresses: readonly string[]): object => ({ addresses })
const with_ = (resources: Partial<Record<keyof ConfigResources, readonly KubeObject[]>>): ConfigResources =>
  ({ ...NOTHING, ...resources }) as ConfigResources

describe('[row 101] writes of custom resources', () => {
  it('a good one passes', () => {
    expect(judgeWrite(write('IPAddressPool', 'a', pool(['192.0.2.0/24', '2001:db8::/64'])), NOTHING, SYSTEM)).toEqual({
      allowed: true,
    })
  })

  it.each([
    ['a range that is none', 'IPAddressPool', pool(['192.0.2.9-192.0.2.1']), /192\.0\.2\.9-192\.0\.2\.1/],
    ['a peer without its AS', 'BGPPeer', { myASN: 64_512, peerAddress: '192.0.2.1' }, /BGPPeer new/],
    [
      'a hold time below three seconds',
      'BGPPeer',
      { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1', holdTime: '1s' },
      /hold/,
    ],
    ['a community that cannot be', 'Community', { communities: [{ name: 'x', value: '99999999:1' }] }, /99999999:1/],
    ['a BGP advertisement whose community cannot be', 'BGPAdvertisement', { communities: ['70000:1'] }, /70000:1/],
  ] as const)('%s is refused, with the object and the field', (_, kind, spec, message) => {
    const verdict = judgeWrite(write(kind, 'new', spec), NOTHING, SYSTEM)
    expect(verdict.allowed).toBe(false)
    expect(verdict.message).toMatch(message)
  })

  it('a pool that overlaps another is refused; its own former self is not another', () => {
    const resources = with_({ pools: [object('old', pool(['192.0.2.0/25']))] })
    const refused = judgeWrite(write('IPAddressPool', 'new', pool(['192.0.2.100-192.0.2.200'])), resources, SYSTEM)
    expect(refused).toMatchObject({ allowed: false, message: expect.stringContaining('old') as string })
    const grown = write('IPAddressPool', 'old', pool(['192.0.2.0/24']), { operation: 'UPDATE' })
    expect(judgeWrite(grown, resources, SYSTEM)).toEqual({ allowed: true })
  })

  it('what is wrong already does not stand in the way of others', () => {
    const resources = with_({ pools: [object('broken', pool(['junk']))] })
    expect(judgeWrite(write('IPAddressPool', 'good', pool(['192.0.2.0/24'])), resources, SYSTEM).allowed).toBe(true)
  })

  it('what a later write may mend is let pass: a profile, a secret, a community that is not there yet', () => {
    const peer = {
      myASN: 1,
      peerASN: 2,
      peerAddress: '192.0.2.1',
      bfdProfile: 'later',
      passwordSecret: { name: 'later' },
    }
    expect(judgeWrite(write('BGPPeer', 'p', peer), NOTHING, SYSTEM).allowed).toBe(true)
    expect(judgeWrite(write('BGPAdvertisement', 'a', { communities: ['later'] }), NOTHING, SYSTEM).allowed).toBe(true)
  })

  it('only our namespace may have them', () => {
    const elsewhere = write('IPAddressPool', 'a', pool(['192.0.2.0/24']), { namespace: 'default' })
    expect(judgeWrite(elsewhere, NOTHING, SYSTEM)).toEqual({
      allowed: false,
      message: 'resource must be created in metallb-system namespace',
    })
    expect(judgeWrite({ ...elsewhere, operation: 'UPDATE' }, NOTHING, SYSTEM).allowed).toBe(true)
  })

  it('a BFD profile that a peer uses stays', () => {
    const peer = object('p', { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1', bfdProfile: 'fast' })
    const { object: _none, ...deletion } = write('BFDProfile', 'fast', {}, { operation: 'DELETE' })
    expect(judgeWrite(deletion, with_({ peers: [peer] }), SYSTEM)).toEqual({
      allowed: false,
      message: 'failed to delete BFDProfile fast, used by BGPPeer p',
    })
    expect(judgeWrite(deletion, NOTHING, SYSTEM)).toEqual({ allowed: true })
  })

  it('disableMP warns', () => {
    const peer = { myASN: 1, peerASN: 2, peerAddress: '192.0.2.1', disableMP: true }
    expect(judgeWrite(write('BGPPeer', 'p', peer), NOTHING, SYSTEM)).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('disable mp is deprecated') as string],
    })
  })
})
