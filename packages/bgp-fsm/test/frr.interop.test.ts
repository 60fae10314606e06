import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor, type Frr, type SpeakerProcess } from './interop/lab.ts'

const missing = missingFor('/usr/lib/frr/bgpd', '/usr/bin/vtysh')

interface RouteJson {
  readonly paths?: readonly {
    readonly aspath?: { readonly string: string }
    readonly community?: { readonly string: string }
    readonly largeCommunity?: { readonly string: string }
    readonly extendedCommunity?: { readonly string: string }
    readonly locPrf?: number
    readonly metric?: number
    readonly stale?: boolean
    readonly nexthops?: readonly { readonly ip: string }[]
  }[]
}

describe.skipIf(missing !== undefined)(`FRR (${missing ?? 'here'})`, () => {
  let lab: Lab
  let frr: Frr
  let speaker: SpeakerProcess
  afterEach(() => lab.close())

  /** A router with these lines about its neighbours, and a speaker that dials it. */
  function begin(neighbours: string, init: object = {}, asn = 4_200_000_010): void {
    lab = new Lab()
    frr = lab.frr(`
router bgp 64500
 bgp router-id 192.0.2.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
${neighbours}
`)
    speaker = lab.speaker()
    speaker.tell({ do: 'create', init: { asn, routerId: { ip: '192.0.2.10' }, ...init } })
  }

  const neighbour = (address: string, asn: number | string, ...more: string[]): string =>
    [` neighbor ${address} remote-as ${asn}`, ...more.map(line => ` neighbor ${address} ${line}`)].join('\n') +
    `\n address-family ipv4 unicast\n  neighbor ${address} activate\n exit-address-family` +
    `\n address-family ipv6 unicast\n  neighbor ${address} activate\n exit-address-family`

  const peer = (more: object = {}): void => {
    const init = { name: 'router', remote: { ip: '192.0.2.1' }, peerAsn: 64_500, families: ['ipv4', 'ipv6'], ...more }
    speaker.tell({ do: 'peer', init })
  }

  const announce = (cidr: string, attributes: object = {}): void =>
    speaker.tell({ do: 'routes', source: 'default/web', routes: [{ prefix: { cidr }, attributes }] })

  const route = (cidr: string): RouteJson => {
    const family = cidr.includes(':') ? 'ipv6' : 'ipv4'
    return frr.json<RouteJson>(`show bgp ${family} unicast ${cidr}`)
  }

  const known = (cidr: string): Promise<NonNullable<RouteJson['paths']>[number]> =>
    eventually(
      () => route(cidr).paths?.[0],
      () => `${cidr} at FRR; ${JSON.stringify(speaker.lines.slice(-6))}`,
    )

  test('[row 47] [row 48] [row 67] routes of both families with every kind of community', async () => {
    begin(neighbour('192.0.2.10', 4_200_000_010))
    speaker.tell({
      do: 'routes',
      source: 'default/web',
      routes: [
        {
          prefix: { cidr: '203.0.113.1/32' },
          attributes: {
            med: 50,
            asPathPrepend: 1,
            communities: [0xfbf4_0064, 0xffff_0000],
            largeCommunities: [{ global: 4_200_000_010, local1: 1, local2: 7 }],
            extendedCommunities: [{ big: '0x4004fc004e9502f9' }],
          },
        },
        { prefix: { cidr: '2001:db8:5::1/128' }, attributes: {} },
      ],
    })
    peer()
    const v4 = await known('203.0.113.1/32')
    expect(v4.aspath?.string).toBe('4200000010 4200000010')
    expect(v4.community?.string).toBe('64500:100 graceful-shutdown')
    expect(v4.largeCommunity?.string).toBe('4200000010:1:7')
    expect(v4.extendedCommunity?.string).toContain('LB:64512:1250000000')
    expect(v4.metric).toBe(50)
    const v6 = await known('2001:db8:5::1/128')
    expect(v6.nexthops?.[0]?.ip).toBe('2001:db8::10')
    announce('203.0.113.1/32', {})
    await eventually(
      () =>
        route('203.0.113.1/32').paths?.[0]?.metric === 0 || route('203.0.113.1/32').paths?.[0]?.metric === undefined,
      () => 'the change',
    )
    speaker.tell({ do: 'routes', source: 'default/web', routes: [] })
    await eventually(
      () => route('203.0.113.1/32').paths === undefined && route('2001:db8:5::1/128').paths === undefined,
      () => 'the withdrawal',
    )
  })

  test('[row 66] internal session: LOCAL_PREF said, AS_PATH empty', async () => {
    begin(neighbour('192.0.2.10', 'internal'), {}, 64_500)
    announce('203.0.113.1/32', { localPreference: 250 })
    peer({ peerAsn: 'internal' })
    const path = await known('203.0.113.1/32')
    expect([path.locPrf, path.aspath?.string]).toEqual([250, 'Local'])
  })

  test('[row 77] [B-TRN-02] TCP MD5, and a wrong key is a timeout with a hint', async () => {
    begin(neighbour('192.0.2.10', 4_200_000_010, 'password sesame'))
    announce('203.0.113.1/32')
    peer({ password: 'wrong', dialSeconds: 1 })
    const failure = await speaker.event('bgp:attempt-failed')
    expect(failure.detail?.['sentence']).toMatch(/no answer in time.*password/)
    const init = {
      name: 'router',
      remote: { ip: '192.0.2.1' },
      peerAsn: 64_500,
      families: ['ipv4', 'ipv6'],
      password: 'sesame',
    }
    speaker.tell({ do: 'update', init })
    const changed = await speaker.event('changed')
    expect(changed['change']).toMatchObject({ kind: 'reset' })
    await known('203.0.113.1/32')
  })

  test('[B-TRN-04] [B-TRN-01] GTSM both ways, from the address that was asked for', async () => {
    begin(neighbour('192.0.2.11', 4_200_000_010, 'ttl-security hops 1'))
    lab.sh(lab.us, 'ip a add 192.0.2.11/24 dev eth0')
    announce('203.0.113.1/32')
    peer({ ttlSecurityHops: 1, source: { ip: '192.0.2.11' } })
    await known('203.0.113.1/32')
  })

  test('[B-RR-01] a refresh that the router asks for', async () => {
    begin(neighbour('192.0.2.10', 4_200_000_010))
    announce('203.0.113.1/32')
    peer()
    await known('203.0.113.1/32')
    const from = speaker.lines.length
    frr.ask('clear bgp ipv4 unicast 192.0.2.10 soft in')
    await speaker.event('bgp:advertised', from)
    await known('203.0.113.1/32')
  })

  test('[row 85] [B-GR-03] a speaker killed and restarted: the routes stay, and End-of-RIB takes the stale one away', async () => {
    begin(` bgp graceful-restart\n${neighbour('192.0.2.10', 4_200_000_010)}`)
    const routes = ['203.0.113.1/32', '203.0.113.2/32'].map(cidr => ({ prefix: { cidr }, attributes: {} }))
    speaker.tell({
      do: 'routes',
      source: 'default/web',
      routes: routes.map(one => ({ ...one, prefix: { ...one.prefix } })),
    })
    peer({ gracefulRestart: { seconds: 60 } })
    await known('203.0.113.2/32')
    speaker.child.kill('SIGKILL')
    await eventually(
      () => route('203.0.113.1/32').paths?.[0]?.stale === true,
      () => 'stale',
    )
    expect(route('203.0.113.2/32').paths?.[0]?.stale).toBe(true)
    speaker = lab.speaker()
    speaker.tell({
      do: 'create',
      init: { asn: 4_200_000_010, routerId: { ip: '192.0.2.10' }, isRestarting: true, initialSyncMs: 30_000 },
    })
    peer({ gracefulRestart: { seconds: 60 } })
    await speaker.event('bgp:established')
    expect(route('203.0.113.1/32').paths?.[0]?.stale).toBe(true)
    announce('203.0.113.1/32')
    await eventually(
      () => route('203.0.113.1/32').paths?.[0]?.stale !== true,
      () => 'fresh',
    )
    expect(route('203.0.113.2/32').paths?.[0]?.stale).toBe(true)
    speaker.tell({ do: 'synced' })
    await eventually(
      () => route('203.0.113.2/32').paths === undefined,
      () => 'End-of-RIB',
    )
    expect(route('203.0.113.1/32').paths?.length).toBe(1)
    const from = speaker.lines.length
    speaker.tell({ do: 'stop', options: { reason: 'gone for good' } })
    await speaker.event('stopped', from)
    await eventually(
      () => route('203.0.113.1/32').paths === undefined,
      () => 'gone',
    )
  })

  test('[row 51] [B-UNN-03] IPv4 routes by an IPv6 next hop over an IPv6 session', async () => {
    begin(neighbour('2001:db8::10', 4_200_000_010, 'capability extended-nexthop'))
    announce('203.0.113.1/32')
    peer({ remote: { ip: '2001:db8::1' }, families: ['ipv4'] })
    const path = await known('203.0.113.1/32')
    expect(path.nexthops?.[0]?.ip).toBe('2001:db8::10')
  })

  test('[B-FSM-01] the router dials us', async () => {
    begin(
      `${neighbour('192.0.2.10', 4_200_000_010)}\n neighbor 192.0.2.10 timers connect 1\n neighbor 192.0.2.10 port 1179`,
    )
    announce('203.0.113.1/32')
    speaker.tell({ do: 'listen', port: 1179 })
    peer({ passive: true })
    await known('203.0.113.1/32')
  })

  test('what the router says on `shutdown` reaches the log in words', async () => {
    begin(neighbour('192.0.2.10', 4_200_000_010))
    peer()
    await speaker.event('bgp:established')
    frr.ask('configure terminal', 'router bgp 64500', 'neighbor 192.0.2.10 shutdown message maintenance tonight')
    const closed = await speaker.event('bgp:closed')
    expect(closed.detail?.['sentence']).toBe(
      'the peer ended the session: cease, administrative shutdown (6/2): maintenance tonight',
    )
  })
})
