import { createHash } from 'node:crypto'
import { address } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { electionDigest, electOwner, rank, type Candidate } from './ownership.ts'
import { sha256 } from './sha256.ts'

const nodes = (...names: string[]): Candidate[] => names.map(node => ({ node }))
const order = (candidates: readonly Candidate[], ip: string): string[] =>
  rank(candidates, address(ip)).map(({ node }) => node)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('sha256', () => {
  it('FIPS 180-4: the published examples', () => {
    expect(hex(sha256(Buffer.from('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hex(sha256(Buffer.from('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('agrees with the platform on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(hex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
      }),
      { seed: 7 },
    )
  })
})

describe('electOwner', () => {
  it('[row 30] digests are those of MetalLB', () => {
    expect(hex(electionDigest('node1', '10.20.30.1'))).toMatch(/^1df14387a814c61b/)
    expect(hex(electionDigest('node2', '10.20.30.1'))).toMatch(/^be53a9f320a7d4c8/)
    expect(hex(electionDigest('node1', 'fc00::1'))).toMatch(/^66a5b9416b099cec/)
  })

  it('[row 30] the order is that of MetalLB', () => {
    expect(order(nodes('node-a', 'node-b', 'node-c'), '10.0.0.1')).toEqual(['node-b', 'node-a', 'node-c'])
    expect(order(nodes('node-c', 'node-a', 'node-b'), '10.0.0.2')).toEqual(['node-b', 'node-c', 'node-a'])
  })

  it('[row 32] preferred nodes come first, and the digest orders equals', () => {
    const candidates = [
      { node: 'worker-a', score: 0 },
      { node: 'edge-a', score: 100 },
      { node: 'edge-b', score: 100 },
    ]
    expect(order(candidates, '10.20.30.1')).toEqual(['edge-b', 'edge-a', 'worker-a'])
  })

  it('says of every node why it does not own', () => {
    const election = electOwner(
      [
        { node: 'node-c' },
        { node: 'node-b', refusals: ['network-unavailable', 'no-usable-interface'] },
        { node: 'node-a' },
        { node: 'gone', refusals: ['not-a-member'] },
      ],
      address('10.0.0.1'),
    )
    expect(election).toEqual({
      owner: 'node-a',
      verdicts: [
        { node: 'node-a', verdict: 'owner' },
        { node: 'node-c', verdict: 'outranked', by: 'node-a' },
        { node: 'gone', verdict: 'ineligible', reasons: ['not-a-member'] },
        { node: 'node-b', verdict: 'ineligible', reasons: ['network-unavailable', 'no-usable-interface'] },
      ],
    })
  })

  it('nobody may: no owner, and the reasons', () => {
    expect(electOwner([{ node: 'a', refusals: ['leaving'] }], address('10.0.0.1')).owner).toBeUndefined()
    expect(electOwner([], address('10.0.0.1'))).toEqual({ owner: undefined, verdicts: [] })
  })

  it('a node named in letters beyond ASCII hashes as its UTF-8', () => {
    const name = 'nœud-€-😀'
    expect(hex(electionDigest(name, '10.0.0.1'))).toBe(createHash('sha256').update(`${name}#10.0.0.1`).digest('hex'))
  })
})

const someCandidates = fc.uniqueArray(
  fc.record({
    node: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    score: fc.integer({ min: 0, max: 3 }),
  }),
  { selector: ({ node }) => node, minLength: 1, maxLength: 12 },
)
const someAddress = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map(value => ({ family: 'ipv4' as const, value })),
  fc.bigInt(0n, 2n ** 128n - 1n).map(value => ({ family: 'ipv6' as const, value })),
)

describe('election properties', () => {
  it('[row 30] equal views in any order: exactly one owner, the same one', () => {
    fc.assert(
      fc.property(someCandidates, someAddress, fc.infiniteStream(fc.nat()), (candidates, ip, keys) => {
        const shuffled = candidates
          .map(candidate => ({ candidate, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ candidate }) => candidate)
        const here = electOwner(candidates, ip)
        expect(electOwner(shuffled, ip)).toEqual(here)
        expect(here.verdicts.filter(({ verdict }) => verdict === 'owner')).toHaveLength(1)
      }),
      { seed: 30 },
    )
  })

  it('[row 30] a node that goes moves only what it owned', () => {
    fc.assert(
      fc.property(someCandidates, someAddress, fc.nat(), (candidates, ip, pick) => {
        const before = electOwner(candidates, ip).owner
        const gone = candidates[pick % candidates.length]!.node
        const after = electOwner(
          candidates.filter(({ node }) => node !== gone),
          ip,
        ).owner
        if (gone !== before) expect(after).toBe(before)
        else expect(after).not.toBe(gone)
      }),
      { seed: 31 },
    )
  })

  it('[row 30] a node that comes takes only what it wins', () => {
    fc.assert(
      fc.property(someCandidates, someAddress, (candidates, ip) => {
        const [comer, ...others] = candidates
        const after = electOwner(candidates, ip).owner
        if (after !== comer!.node) expect(after).toBe(electOwner(others, ip).owner)
      }),
      { seed: 32 },
    )
  })
})
