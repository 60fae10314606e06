import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { address, formatPrefix, prefix } from '@metallb-ts/netip'
import {
  decodeMessage,
  encodeMessage,
  endOfRibFamily,
  gravest,
  hideLongAsns,
  mergeAs4,
  passOn,
  type CodecContext,
  type PathAttribute,
  type Update,
} from '@metallb-ts/bgp-fsm/wire'
import { receivedRoutes, type ReceiveContext } from '../src/received.ts'

const EBGP: CodecContext = { fourOctetAs: true, internal: false }
const IBGP: CodecContext = { fourOctetAs: true, internal: true }
const OLD: CodecContext = { fourOctetAs: false, internal: false }

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const vector = (name: string): Uint8Array => hex(readFileSync(new URL(`vectors/${name}.hex`, import.meta.url), 'utf8'))
const u16 = (value: number): string => value.toString(16).padStart(4, '0')

/** An UPDATE from the hex of its three fields. */
function bytesOf(attributes: string, nlri = '20cb007101', withdrawn = ''): Uint8Array {
  const body = `${u16(withdrawn.length / 2)}${withdrawn}${u16(attributes.length / 2)}${attributes}${nlri}`
  return hex(`${'ff'.repeat(16)}${u16(19 + body.length / 2)}02${body}`)
}

function read(bytes: Uint8Array, context = EBGP): Update {
  const decoded = decodeMessage(bytes, context)
  if (!decoded.ok || decoded.message.type !== 'update') throw new Error(JSON.stringify(decoded))
  return decoded.message
}

/** `D`, `W`, a NOTIFICATION such as `3/9`, or `ok`. */
function outcome(bytes: Uint8Array, context = EBGP): string {
  const decoded = decodeMessage(bytes, context)
  if (!decoded.ok) return `${decoded.notification.code}/${decoded.notification.subcode}`
  const penalty = gravest((decoded.message as Update).issues)
  return penalty === undefined ? 'ok' : penalty === 'treat-as-withdraw' ? 'W' : 'D'
}

const ORIGIN = '40010100'
const PATH = '4002060201fa56ea0a'
const HOP = '400304c000020a'
const PREF = '40050400000064'
const GOOD = ORIGIN + PATH + HOP
const REACH = '800e2600020110' + '20010db8000000000000000000000010' + '00' + '8020010db8000500000000000000000001'
const UNREACH = '800f14000201' + '8020010db8000500000000000000000002'

const CONTEXT: ReceiveContext = {
  localAsn: 64_500,
  routerId: 0xc0000201,
  families: ['ipv4', 'ipv6'],
  fourOctetAs: true,
  peerAsn: 4_200_000_010,
  localAddress: address('192.0.2.1'),
}
const texts = (prefixes: readonly Parameters<typeof formatPrefix>[0][]): string[] => prefixes.map(formatPrefix)

describe('vectors of real speakers', () => {
  test.each([
    ['x3', EBGP],
    ['x4', EBGP],
    ['x5', EBGP],
    ['x6', EBGP],
    ['x7', EBGP],
    ['x8', EBGP],
    ['x9', EBGP],
    ['x10', EBGP],
    ['x13', OLD],
    ['x14', IBGP],
    ['x15', { ...EBGP, pathIds: ['ipv4'] }],
  ] as const)('%s decodes without an issue and is written again octet for octet', (name, context) => {
    const update = read(vector(name), context)
    expect(update.issues).toEqual([])
    expect(Buffer.from(encodeMessage(update, context)).toString('hex')).toBe(Buffer.from(vector(name)).toString('hex'))
  })

  test('[B-MP-01] next hops of 16 and 32 octets, and odd pairs of them', () => {
    const hops = (name: string) => read(vector(name)).attributes.find(one => one.kind === 'mp-reach')?.nextHops
    expect(hops('x4')).toEqual([address('2001:db8::10')])
    expect(hops('x5')).toEqual([address('2001:db8::10'), address('fe80::10')])
    for (const pair of ['fe80::10 fe80::10', ':: fe80::10']) {
      const octets = pair
        .split(' ')
        .map(one => Buffer.from(hex16(one)).toString('hex'))
        .join('')
      expect(
        outcome(bytesOf('800e3600020120' + octets + '00' + '8020010db8000500000000000000000001' + ORIGIN + PATH, '')),
      ).toBe('ok')
    }
  })

  test('[B-MP-06] IPv4 in MP_REACH_NLRI and in the NLRI field are the same route', () => {
    const mp = receivedRoutes(read(vector('x10')), CONTEXT)
    const classic = receivedRoutes(read(bytesOf(GOOD)), CONTEXT)
    expect(mp.announced).toEqual(classic.announced)
  })
})

const hex16 = (text: string): Uint8Array => {
  let { value } = address(text)
  const bytes = new Uint8Array(16)
  for (let i = 15; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 255n)
  return bytes
}

describe('RFC 7606: what a malformed UPDATE costs', () => {
  test.each<[string, Uint8Array, string, CodecContext?]>([
    ['[B-UPD-01] sections longer than the message', hex(`${'ff'.repeat(16)}0017020005` + '0000'), '3/1'],
    ['[B-UPD-01] attributes longer than the message', hex(`${'ff'.repeat(16)}0017020000` + '0001'), '3/1'],
    ['[B-UPD-02] an attribute past its section, prefixes known', bytesOf(GOOD + '400504'), 'W'],
    ['[B-UPD-02] a stray octet', bytesOf(GOOD + '40'), 'W'],
    ['[B-UPD-03] the same where nothing is announced', bytesOf('400504', ''), '3/1'],
    ['[B-UPD-03] a bad attribute where nothing is announced', bytesOf('40010103', ''), '3/6'],
    ['[B-UPD-04] MP_REACH_NLRI twice', bytesOf(REACH + REACH + ORIGIN + PATH, ''), '3/1'],
    ['[B-UPD-04] MP_UNREACH_NLRI twice', bytesOf(UNREACH + UNREACH, ''), '3/1'],
    ['[B-UPD-04] ORIGIN twice', bytesOf(GOOD + '40010101'), 'D'],
    ['[B-UPD-05] a prefix of 33 bits', bytesOf(GOOD, '21cb00710100'), '3/10'],
    ['[B-UPD-05] a prefix cut short', bytesOf(GOOD, '20cb0071'), '3/10'],
    ['[B-UPD-05] the same among the withdrawn', bytesOf('', '', '20cb0071'), '3/10'],
    ['[B-UPD-07] the strongest counts: D and W', bytesOf(ORIGIN + PATH + HOP + '40060101' + '8004020000'), 'W'],
    ['[B-UPD-07] the strongest counts: W, then reset', bytesOf('40010103' + PATH + HOP + '40630100'), '3/2'],
    ['[B-ATTR-01] ORIGIN said to be optional', bytesOf('c0010100' + PATH + HOP), 'W'],
    ['[B-ATTR-01] COMMUNITIES said to be non-transitive', bytesOf(GOOD + '800804fbf40064'), 'W'],
    ['[B-ATTR-01] MP_REACH_NLRI said to be transitive', bytesOf('c0' + REACH.slice(2) + ORIGIN + PATH, ''), 'W'],
    ['[B-ATTR-02] low bits and a needless long length', bytesOf('5f01000100' + PATH + HOP), 'ok'],
    ['[B-ATTR-03] no ORIGIN', bytesOf(PATH + HOP), 'W'],
    ['[B-ATTR-03] no AS_PATH', bytesOf(ORIGIN + HOP), 'W'],
    ['[B-ATTR-03] no NEXT_HOP', bytesOf(ORIGIN + PATH), 'W'],
    ['[B-ATTR-03] no LOCAL_PREF on an internal session', bytesOf(GOOD), 'W', IBGP],
    ['[B-ATTR-03] no NEXT_HOP beside MP_REACH_NLRI', bytesOf(REACH + ORIGIN + PATH, ''), 'ok'],
    ['[B-ATTR-04] a well-known attribute nobody knows', bytesOf(GOOD + '406300'), '3/2'],
    ['[B-ATTR-06] ORIGIN 3', bytesOf('40010103' + PATH + HOP), 'W'],
    ['[B-ATTR-06] ORIGIN of two octets', bytesOf('4001020000' + PATH + HOP), 'W'],
    ['[B-ATTR-07] segment type 5', bytesOf(ORIGIN + '4002060501fa56ea0a' + HOP), 'W'],
    ['[B-ATTR-07] an empty segment', bytesOf(ORIGIN + '4002020200' + HOP), 'W'],
    ['[B-ATTR-07] a segment past its end', bytesOf(ORIGIN + '4002060202fa56ea0a' + HOP), 'W'],
    ['[B-ATTR-07] an octet left over', bytesOf(ORIGIN + '4002070201fa56ea0a02' + HOP), 'W'],
    ['[B-ATTR-08] AS 0 in AS_PATH', bytesOf(ORIGIN + '400206020100000000' + HOP), 'W'],
    ['[B-ATTR-08] AS 0 in AS4_PATH', bytesOf(ORIGIN + '40020402015ba0' + HOP + 'c01106020100000000'), 'W', OLD],
    ['[B-ATTR-08] AS 0 in AGGREGATOR', bytesOf(GOOD + 'c0070800000000c000020a'), 'D'],
    [
      '[B-ATTR-08] AS 0 in AS4_AGGREGATOR',
      bytesOf(ORIGIN + '40020402015ba0' + HOP + 'c0120800000000c000020a'),
      'D',
      OLD,
    ],
    ['[B-ATTR-09] a confederation segment from outside', bytesOf(ORIGIN + '4002060301fa56ea0a' + HOP), 'W'],
    [
      '[B-ATTR-09] the same from inside',
      bytesOf(ORIGIN + '4002060301fa56ea0a' + HOP),
      'ok',
      { ...EBGP, confederation: true },
    ],
    ['[B-ATTR-10] the first AS is another', bytesOf(GOOD), 'W', { ...EBGP, firstAs: 64_501 }],
    ['[B-ATTR-10] the first AS is the peer', bytesOf(GOOD), 'ok', { ...EBGP, firstAs: 4_200_000_010 }],
    ['[B-ATTR-12] NEXT_HOP of three octets', bytesOf(ORIGIN + PATH + '400303c00002'), 'W'],
    ['[B-ATTR-13] MED of two octets', bytesOf(GOOD + '8004020000'), 'W'],
    ['[B-ATTR-14] LOCAL_PREF from outside', bytesOf(GOOD + PREF), 'D'],
    ['[B-ATTR-14] LOCAL_PREF of two octets from outside', bytesOf(GOOD + '4005020000'), 'D'],
    ['[B-ATTR-14] LOCAL_PREF of two octets from inside', bytesOf(GOOD + '4005020000'), 'W', IBGP],
    ['[B-ATTR-15] ATOMIC_AGGREGATE with a value', bytesOf(GOOD + '40060100'), 'D'],
    ['[B-ATTR-15] AGGREGATOR of six octets between four-octet speakers', bytesOf(GOOD + 'c00706fbf4c000020a'), 'D'],
    ['[B-ATTR-16] COMMUNITIES empty', bytesOf(GOOD + 'c00800'), 'W'],
    ['[B-ATTR-16] COMMUNITIES of five octets', bytesOf(GOOD + 'c008050000000000'), 'W'],
    ['[B-ATTR-17] ORIGINATOR_ID from outside', bytesOf(GOOD + '80090400000001'), 'D'],
    ['[B-ATTR-17] CLUSTER_LIST from outside', bytesOf(GOOD + '800a0400000001'), 'D'],
    ['[B-ATTR-17] ORIGINATOR_ID of three octets from inside', bytesOf(GOOD + PREF + '800903000001'), 'W', IBGP],
    ['[B-ATTR-17] CLUSTER_LIST empty from inside', bytesOf(GOOD + PREF + '800a00'), 'W', IBGP],
    ['[B-ATTR-18] extended communities of seven octets', bytesOf(GOOD + 'c01007' + '00'.repeat(7)), 'W'],
    ['[B-ATTR-18] extended communities empty', bytesOf(GOOD + 'c01000'), 'W'],
    ['[B-ATTR-18] extended communities of a type nobody knows', bytesOf(GOOD + 'c01008' + 'ff'.repeat(8)), 'ok'],
    ['[B-ATTR-18] IPv6 extended communities of 19 octets', bytesOf(GOOD + 'c01913' + '00'.repeat(19)), 'W'],
    ['[B-ATTR-19] LARGE_COMMUNITY of 13 octets', bytesOf(GOOD + 'c0200d' + '00'.repeat(13)), 'W'],
    ['[B-ATTR-19] LARGE_COMMUNITY twice the same', bytesOf(GOOD + 'c02018' + '00'.repeat(24)), 'ok'],
    ['[B-ATTR-20] AS4_PATH from a four-octet speaker', bytesOf(GOOD + 'c011060201fa56ea0a'), 'D'],
    ['[B-ATTR-20] AS4_AGGREGATOR from a four-octet speaker', bytesOf(GOOD + 'c01208fa56ea0ac000020a'), 'D'],
    ['[B-ATTR-23] OTC of three octets', bytesOf(GOOD + 'c02303000001'), 'W'],
    ['AIGP where it is not wanted', bytesOf(GOOD + '801a0b01000b0000000000000001'), 'D'],
    ['AIGP where it is', bytesOf(GOOD + '801a0b01000b0000000000000001'), 'ok', { ...EBGP, aigp: true }],
    [
      '[B-MP-02] an IPv6 next hop of four octets',
      bytesOf('800e0a00020104c000020a00' + '00' + ORIGIN + PATH, ''),
      '3/9',
    ],
    ['[B-MP-02] a next hop past the attribute', bytesOf('800e0500020110' + '00' + ORIGIN + PATH, ''), '3/9'],
    ['[B-MP-03] MP_REACH_NLRI of four octets', bytesOf('800e0400020100' + ORIGIN + PATH, ''), '3/9'],
    ['[B-MP-03] MP_UNREACH_NLRI of two octets', bytesOf('800f020002', ''), '3/9'],
    ['[B-MP-03] a prefix of 129 bits', bytesOf('800f05000201' + '8100', ''), '3/9'],
    ['[B-MP-03] an IPv6 prefix cut short', bytesOf('800f06000201' + '802001', ''), '3/9'],
    ['[B-MP-04] a family that we do not carry', bytesOf('800e0900198004c000020a00' + ORIGIN + PATH, ''), 'ok'],
  ])('%s', (_name, bytes, expected, context) => {
    expect(outcome(bytes, context)).toBe(expected)
  })

  test('[B-ATTR-04] the answer carries the attribute', () => {
    const decoded = decodeMessage(bytesOf(GOOD + '40630177'), EBGP)
    expect(decoded).toMatchObject({ ok: false, notification: { code: 3, subcode: 2, data: hex('40630177') } })
  })

  test('[B-UPD-06] every prefix of the message counts as withdrawn, in both fields', () => {
    const update = read(bytesOf(REACH + '40010103' + PATH + HOP))
    const routes = receivedRoutes(update, CONTEXT)
    expect(texts(routes.withdrawn)).toEqual(['203.0.113.1/32', '2001:db8:5::1/128'])
    expect(routes.announced).toEqual([])
  })

  test('[B-UPD-11] an issue names attribute, reason and octets', () => {
    const [issue] = read(bytesOf(GOOD + '8004020000')).issues
    expect(issue).toEqual({
      attribute: 4,
      penalty: 'treat-as-withdraw',
      reason: 'bad-length',
      octets: hex('8004020000'),
    })
  })

  test('[B-UPD-08] in both fields: announced', () => {
    const routes = receivedRoutes(read(bytesOf(GOOD, '20cb007101', '20cb00710120cb007102')), CONTEXT)
    expect([texts(routes.announced), texts(routes.withdrawn)]).toEqual([['203.0.113.1/32'], ['203.0.113.2/32']])
  })

  test('[B-UPD-09] host bits are masked, and the default route is legal', () => {
    expect(texts(read(bytesOf(GOOD, '18cb0071' + '00' + '0fcbff')).announced)).toEqual([
      '203.0.113.0/24',
      '0.0.0.0/0',
      '203.254.0.0/15',
    ])
    expect(
      texts(
        read(bytesOf('800f06000201' + '0fffff', '')).attributes.flatMap(one =>
          one.kind === 'mp-unreach' ? one.prefixes : [],
        ),
      ),
    ).toEqual(['fffe::/15'])
  })

  test('[B-UPD-10] End-of-RIB in its three forms', () => {
    expect(endOfRibFamily(read(vector('x8')))).toBe('ipv4')
    expect(endOfRibFamily(read(vector('x9')))).toBe('ipv6')
    expect(endOfRibFamily(read(bytesOf('900f0003000201', '')))).toBe('ipv6')
    expect(endOfRibFamily(read(vector('x7')))).toBeUndefined()
  })

  test('[B-ATTR-05] unknown attributes: transitive ones go on as partial, others do not', () => {
    const { attributes } = read(bytesOf(GOOD + 'c06301aa' + '806401bb'))
    const unknown = passOn(attributes).filter(one => one.kind === 'unknown')
    expect(unknown).toEqual([{ kind: 'unknown', code: 0x63, flags: 0xe0, value: Uint8Array.of(0xaa) }])
  })

  test('[B-AP-01] [B-AP-02] path identifiers where they were agreed on, and nowhere else', () => {
    const ids = read(vector('x15'), { ...EBGP, pathIds: ['ipv4'] }).announced
    expect(ids).toEqual([{ ...prefix('203.0.113.1/32'), pathId: 1 }])
    expect(outcome(vector('x15'))).toBe('3/10')
    const two = bytesOf(GOOD, '0000000120cb007101' + '0000000220cb007101')
    const announced = receivedRoutes(read(two, { ...EBGP, pathIds: ['ipv4'] }), CONTEXT).announced
    expect(announced).toHaveLength(2)
  })
})

describe('routes that are no error and still not for us', () => {
  const rejected = (attributes: string, context: Partial<ReceiveContext> = {}, codec = EBGP): string[] =>
    receivedRoutes(read(bytesOf(attributes), codec), { ...CONTEXT, ...context }).rejected.map(({ reason }) => reason)

  test.each([
    ['[B-ATTR-11] our AS in the path', ORIGIN + '40020a0202fa56ea0a0000fbf4' + HOP, 'as-loop'],
    ['[B-ATTR-12] a next hop of loopback', ORIGIN + PATH + '4003047f000001', 'unusable-next-hop'],
    ['[B-ATTR-12] a multicast next hop', ORIGIN + PATH + '400304e0000001', 'unusable-next-hop'],
    ['[B-ATTR-12] no next hop at all', ORIGIN + PATH + '40030400000000', 'unusable-next-hop'],
    ['[B-ATTR-12] our own address', ORIGIN + PATH + '400304c0000201', 'unusable-next-hop'],
  ])('%s', (_name, attributes, reason) => {
    expect(rejected(attributes)).toEqual([reason])
  })

  test('[B-ATTR-17] a route that we ourselves sent to a reflector', () => {
    expect(rejected(GOOD + PREF + '800904c0000201', {}, IBGP)).toEqual(['own-originator'])
  })

  test('[B-ATTR-23] what was sent down must not come up again', () => {
    const marked = GOOD + 'c023040000fbf5'
    expect(rejected(marked, { peerRole: 'customer' })).toEqual(['leak'])
    expect(rejected(marked, { peerRole: 'peer' })).toEqual(['leak'])
    expect(rejected(marked, { peerRole: 'peer', peerAsn: 0xfbf5 })).toEqual([])
    expect(rejected(marked, { peerRole: 'provider' })).toEqual([])
  })

  test('[B-MP-04] prefixes of a family that was not agreed on are not looked at', () => {
    const routes = receivedRoutes(read(vector('x4')), { ...CONTEXT, families: ['ipv4'] })
    expect([routes.announced, routes.withdrawn, routes.rejected]).toEqual([[], [], []])
  })
})

describe('AS numbers of two octets', () => {
  const path = (...asns: number[]): PathAttribute => ({ kind: 'as-path', segments: [{ type: 'sequence', asns }] })
  const as4 = (...asns: number[]): PathAttribute => ({ kind: 'as4-path', segments: [{ type: 'sequence', asns }] })

  test('[B-ATTR-22] hidden ones stand in AS4_PATH, and nothing does where none is hidden', () => {
    const sequence = (...asns: number[]) => [{ type: 'sequence' as const, asns }]
    expect(hideLongAsns(sequence(4_200_000_010, 64_500))).toEqual({
      path: sequence(23_456, 64_500),
      as4Path: sequence(4_200_000_010, 64_500),
    })
    expect(hideLongAsns(sequence(64_500))).toEqual({ path: sequence(64_500) })
    expect(mergeAs4(read(vector('x13'), OLD).attributes).find(({ kind }) => kind === 'as-path')).toEqual(
      path(4_200_000_010, 64_500),
    )
  })

  test.each<[string, PathAttribute[], PathAttribute[]]>([
    ['the longer path keeps its head', [path(1, 23_456, 23_456), as4(100_000, 100_001)], [path(1, 100_000, 100_001)]],
    ['a longer AS4_PATH is ignored', [path(23_456), as4(100_000, 100_001)], [path(23_456)]],
    ['equal lengths: all of AS4_PATH', [path(23_456), as4(100_000)], [path(100_000)]],
    [
      'an aggregator with a real number: both are ignored',
      [
        path(23_456),
        as4(100_000),
        { kind: 'aggregator', asn: 5, address: address('192.0.2.1') },
        { kind: 'as4-aggregator', asn: 100_000, address: address('192.0.2.1') },
      ],
      [path(23_456), { kind: 'aggregator', asn: 5, address: address('192.0.2.1') }],
    ],
    [
      'an aggregator of 23456 is the long one',
      [
        path(1),
        { kind: 'aggregator', asn: 23_456, address: address('192.0.2.1') },
        { kind: 'as4-aggregator', asn: 100_000, address: address('192.0.2.1') },
      ],
      [path(1), { kind: 'aggregator', asn: 100_000, address: address('192.0.2.1') }],
    ],
  ])('[B-ATTR-21] %s', (_name, attributes, expected) => {
    expect(mergeAs4(attributes)).toEqual(expected)
  })
})
