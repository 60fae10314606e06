import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor } from './interop/lab.ts'

const missing = missingFor('/usr/sbin/bird')

const CONFIGURATION = `
router id 192.0.2.1;
protocol device {}
protocol direct { ipv4; ipv6; }
protocol bgp us4 {
  local 192.0.2.1 as 64500;
  neighbor 192.0.2.10 as 4200000010;
  connect delay time 1; error wait time 1, 5;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}
protocol bgp us6 {
  local 2001:db8::1 as 64500;
  neighbor 2001:db8::10 as 4200000010;
  connect delay time 1; error wait time 1, 5;
  ipv4 { import all; export none; extended next hop on; };
  ipv6 { import all; export none; };
}
`

describe.skipIf(missing !== undefined)(`BIRD (${missing ?? 'here'})`, () => {
  let lab: Lab
  afterEach(() => lab.close())

  test('[row 47] [row 48] [row 67] learns IPv4 and IPv6 routes over IPv4 and IPv6 sessions, and forgets them on stop', async () => {
    lab = new Lab()
    const bird = lab.bird(CONFIGURATION)
    const speaker = lab.speaker()
    speaker.tell({ do: 'create', init: { asn: 4_200_000_010, routerId: { ip: '192.0.2.10' } } })
    speaker.tell({
      do: 'routes',
      source: 'default/web',
      routes: [
        { prefix: { cidr: '203.0.113.1/32' }, attributes: { communities: [0xfbf4_0064], largeCommunities: [{ global: 4_200_000_010, local1: 1, local2: 7 }] } },
        { prefix: { cidr: '2001:db8:5::1/128' }, attributes: {} },
      ],
    }) // prettier-ignore
    for (const [name, remote] of [
      ['v4', '192.0.2.1'],
      ['v6', '2001:db8::1'],
    ] as const) {
      speaker.tell({ do: 'peer', init: { name, remote: { ip: remote }, peerAsn: 64_500, families: ['ipv4', 'ipv6'] } })
    }
    await speaker.line(line => line.name === 'bgp:established' && line.detail?.['peer'] === 'v4', 'v4 established')
    await speaker.line(line => line.name === 'bgp:established' && line.detail?.['peer'] === 'v6', 'v6 established')
    const show = (): string => bird.ask('show route all')
    const text = await eventually(() => {
      const all = show()
      const has = (what: RegExp): boolean => what.test(all)
      return (
        has(/203\.0\.113\.1\/32[\s\S]*us4/) &&
        has(/us6/) &&
        (all.match(/BGP\.as_path: 4200000010/g) ?? []).length === 4 &&
        all
      )
    }, show)
    expect(text).toContain('BGP.community: (64500,100)')
    expect(text).toContain('BGP.large_community: (4200000010, 1, 7)')
    expect(text).toMatch(/BGP\.next_hop: 2001:db8::10/)
    speaker.tell({ do: 'stop', options: { reason: 'node drained' } })
    await speaker.event('stopped')
    expect(show()).not.toContain('203.0.113.1/32')
    expect(bird.ask('show protocols all us4')).toMatch(/Administrative shutdown|Received: Administrative/)
  })

  test('[row 68] a peer that reads AS numbers of two octets only', async () => {
    lab = new Lab()
    const bird = lab.bird(`
router id 192.0.2.1;
protocol device {}
protocol direct { ipv4; }
protocol bgp ours {
  local 192.0.2.1 as 64500;
  neighbor 192.0.2.10 external;
  enable as4 off;
  passive on;
  ipv4 { import all; export none; };
}
`)
    const speaker = lab.speaker()
    speaker.tell({ do: 'create', init: { asn: 4_200_000_010, routerId: { ip: '192.0.2.10' } } })
    speaker.tell({
      do: 'routes',
      source: 'default/web',
      routes: [{ prefix: { cidr: '203.0.113.1/32' }, attributes: {} }],
    })
    speaker.tell({ do: 'peer', init: { name: 'old', remote: { ip: '192.0.2.1' }, peerAsn: 64_500 } })
    const show = (): string => bird.ask('show route all')
    await eventually(
      () => show().includes('203.0.113.1/32'),
      () => 'the route',
    )
    expect(bird.ask('show protocols all ours')).toMatch(
      /Local capabilities(?:(?!4-octet)[\s\S])*Neighbor capabilities[\s\S]*4-octet/,
    )
    expect(show()).toContain('BGP.as_path: 4200000010') // put together again from 23456 and AS4_PATH
  })

  test('[B-COL-02] both dial at once, and one session comes of it', async () => {
    lab = new Lab()
    const bird = lab.bird(CONFIGURATION.replaceAll('neighbor 192.0.2.10 as', 'neighbor 192.0.2.10 port 1179 as'))
    const speaker = lab.speaker()
    speaker.tell({ do: 'create', init: { asn: 4_200_000_010, routerId: { ip: '192.0.2.10' } } })
    speaker.tell({ do: 'listen', port: 1179 })
    speaker.tell({ do: 'peer', init: { name: 'both', remote: { ip: '192.0.2.1' }, peerAsn: 64_500 } })
    await speaker.event('bgp:established')
    const protocols = await eventually(
      () => {
        const text = bird.ask('show protocols us4')
        return text.includes('Established') && text
      },
      () => 'BIRD established',
    )
    expect(protocols).toContain('Established')
    expect((await speaker.show())['peers']).toMatchObject([{ state: 'established' }])
  })
})
