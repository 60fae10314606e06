import { address, mac, macBytes, type Address } from '@metallb-ts/netip'
import { MachineRunner } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NOTHING_FOUND,
  stepSearch,
  type SearchEffect,
  type SearchInput,
  type SearchState,
  type SearchTimer,
} from '../src/unnumbered/neighbor-search.ts'
import {
  advertisedRouter,
  routerAdvertisement,
  routerSolicitation,
  type LinkEnd,
} from '../src/unnumbered/router-message.ts'

const END: LinkEnd = { mac: macBytes(mac('02:00:5e:10:00:01')), address: address('fe80::5eff:fe10:1') }
const [A, B] = [address('fe80::a'), address('fe80::b')]

/** Read by tshark, which finds both checksums good. */
const SOLICITATION = [
  '333300000002 02005e100001 86dd', // to the routers of the link
  '60000000 0010 3a ff fe8000000000000000005efffe100001', // hop limit 255
  'ff020000000000000000000000000002',
  '85 00 bf0b 00000000',
  '01 01 02005e100001', // our link-layer address
]
const ADVERTISEMENT = [
  '333300000001 02005e100001 86dd',
  '60000000 0018 3a ff fe8000000000000000005efffe100001',
  'ff020000000000000000000000000001',
  '86 00 be04 00 00 0000 00000000 00000000', // lifetime 0: no way to anywhere
  '01 01 02005e100001',
]

describe('[B-UNN-01] router discovery on the wire', () => {
  test('what we send, octet for octet', () => {
    expect(hex(routerSolicitation(END))).toBe(SOLICITATION.join('').replaceAll(' ', ''))
    expect(hex(routerAdvertisement(END))).toBe(ADVERTISEMENT.join('').replaceAll(' ', ''))
  })

  test('an advertisement names its sender; a solicitation is none', () => {
    expect(advertisedRouter(routerAdvertisement(END))).toEqual(END.address)
    expect(advertisedRouter(routerSolicitation(END))).toBeUndefined()
  })

  test.each<[string, (frame: Uint8Array) => void]>([
    ['came from another link', frame => void (frame[21] = 254)],
    ['is no IPv6', frame => void (frame[13] = 0)],
    ['is no ICMPv6', frame => void (frame[20] = 17)],
    ['comes from a global address', frame => frame.set([0x20, 0x01], 22)],
    ['has a code', frame => void (frame[55] = 1)],
    ['has a wrong checksum', frame => void (frame[56]! ^= 1)],
    ['has an option of no length', frame => void (frame[71] = 0)],
    ['has an option past its end', frame => void (frame[71] = 2)],
    ['claims to be longer than it is', frame => void (frame[19]! += 8)],
    ['claims to be shorter than an advertisement', frame => void (frame[19] = 8)],
  ])('RFC 4861 §6.1.2: nobody is believed whose advertisement %s', (_name, spoil) => {
    const frame = routerAdvertisement(END)
    spoil(frame)
    if (frame[56] === 0xbe && frame[55] !== 1) fixChecksum(frame)
    expect(advertisedRouter(frame)).toBeUndefined()
  })

  test('any octets are read without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(() => advertisedRouter(bytes)).not.toThrow()
      }),
      { numRuns: 5_000, seed: 20_260_101 },
    )
  })
})

describe('[B-UNN-01] the search', () => {
  test('solicits three times, four seconds apart, and shows itself every ten', () => {
    const { clock, sent } = searching()
    clock.advance(60_000)
    const at = (message: string): number[] => sent.filter(one => one.message === message).map(one => one.at)
    const solicitations = at('solicitation')
    expect(solicitations).toHaveLength(3)
    expect(solicitations[0]).toBeLessThanOrEqual(1_000)
    expect(solicitations.map(ms => Math.round(ms - solicitations[0]!))).toEqual([0, 4_000, 8_000])
    expect(at('advertisement').length).toBeGreaterThanOrEqual(6)
    expect(at('advertisement').length).toBeLessThanOrEqual(8)
  })

  test('ends with the first router that shows itself, which is shown to in turn', () => {
    const { clock, runner, sent, found } = searching()
    clock.advance(2_000)
    sent.length = 0
    runner.dispatch({ type: 'advertised', by: A })
    expect(found).toEqual([A])
    expect(sent.map(({ message }) => message)).toEqual(['advertisement'])
    clock.advance(9_000)
    runner.dispatch({ type: 'advertised', by: A })
    clock.advance(30_000)
    expect(found).toEqual([A])
    expect(sent.some(({ message }) => message === 'solicitation')).toBe(false)
  })

  test('[B-UNN-02] another router is it once the first was silent for half a minute', () => {
    const { clock, runner, found } = searching()
    runner.dispatch({ type: 'advertised', by: A })
    for (let s = 0; s < 60; s += 10) {
      clock.advance(5_000)
      runner.dispatch({ type: 'advertised', by: B })
      clock.advance(5_000)
      runner.dispatch({ type: 'advertised', by: A })
    }
    expect(found).toEqual([A])
    clock.advance(29_999)
    runner.dispatch({ type: 'advertised', by: B })
    expect(found).toEqual([A])
    clock.advance(1)
    runner.dispatch({ type: 'advertised', by: B })
    expect(found).toEqual([A, B])
  })
})

function searching() {
  const clock = new SimClock()
  const sent: { readonly message: string; readonly at: number }[] = []
  const found: Address[] = []
  const runner = new MachineRunner<SearchState, SearchInput, SearchEffect, SearchTimer>(
    { clock, random: new SimRandom(3) },
    {
      initial: NOTHING_FOUND,
      step: stepSearch,
      perform: effect => {
        if (effect.type === 'found') found.push(effect.neighbor)
        else sent.push({ message: effect.message, at: clock.now() })
      },
      expired: timer => ({ type: 'expired', timer }),
    },
  )
  runner.dispatch({ type: 'start' })
  return { clock, runner, sent, found }
}

/** So that what was spoilt is the only thing wrong. */
function fixChecksum(frame: Uint8Array): void {
  frame.fill(0, 56, 58)
  const length = frame.length - 54
  const words = [...frame.subarray(22), 0, 0, 0, length, 0, 0, 0, 58]
  let sum = 0
  for (let i = 0; i < words.length; i += 2) sum += words[i]! * 256 + words[i + 1]!
  while (sum > 0xffff) sum = (sum % 65_536) + Math.floor(sum / 65_536)
  frame.set([(~sum >> 8) & 255, ~sum & 255], 56)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
