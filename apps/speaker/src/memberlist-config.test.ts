import { PROFILES } from '@metallb-ts/membership'
import { describe, expect, it } from 'vitest'
import { memberlistConfig } from './memberlist-config.ts'

const LAN = {
  TCPTimeout: '10s',
  IndirectChecks: 3,
  SuspicionMult: 4,
  PushPullInterval: '30s',
  ProbeTimeout: '500ms',
  ProbeInterval: '1s',
  GossipInterval: '200ms',
  GossipToTheDeadTime: '30s',
  QueueCheckInterval: '30s',
}
const read = (change: object): ReturnType<typeof memberlistConfig> =>
  memberlistConfig(JSON.stringify({ ...LAN, ...change }))
const profile = (change: object): unknown => {
  const result = read(change)
  return result.ok ? result.value.profile : result.error
}

describe('memberlistConfig', () => {
  it('[row 38] MetalLB’s values for a LAN are the fast profile', () => expect(profile({})).toEqual(PROFILES.fast))

  it('[row 38] those for a WAN are about the safe one', () =>
    expect(profile({ ProbeInterval: '5s', ProbeTimeout: '3s', SuspicionMult: 6 })).toEqual({
      intervalMs: 250,
      deadMs: 1_467,
    }))

  it('[row 38] who waits twice as long for MetalLB waits twice as long for us', () => {
    expect(profile({ ProbeInterval: '2s', ProbeTimeout: '1s' })).toEqual({ intervalMs: 100, deadMs: 400 })
    expect(profile({ SuspicionMult: 8 })).toEqual({ intervalMs: 50, deadMs: 378 })
  })

  it('[row 38] what would never or always fail is bounded', () => {
    expect(profile({ ProbeInterval: '1h' })).toEqual({ intervalMs: 3_000, deadMs: 60_000 })
    expect(profile({ ProbeInterval: '1ms', ProbeTimeout: '1ms' })).toEqual({ intervalMs: 20, deadMs: 60 })
  })

  it('[row 38] keys of a protocol that is not spoken here are named', () =>
    expect(read({})).toMatchObject({ ok: true, value: { withoutMeaning: expect.arrayContaining(['GossipInterval']) } }))

  it.each([
    ['{', 'it is no JSON'],
    ['[]', 'it is no object'],
    [JSON.stringify({ ...LAN, ProbeInterval: undefined }), 'ProbeInterval is no duration such as 500ms'],
    [JSON.stringify({ ...LAN, TCPTimeout: 10 }), 'TCPTimeout is no duration such as 500ms'],
    [JSON.stringify({ ...LAN, SuspicionMult: 'four' }), 'SuspicionMult is no number'],
  ])('[row 38] refused as MetalLB refuses it: %s', (text, reason) =>
    expect(memberlistConfig(text)).toEqual({ ok: false, error: reason }),
  )
})
