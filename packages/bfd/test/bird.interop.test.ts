import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor, type BfdProcess, type Bird } from './interop/lab.ts'

const missing = missingFor('/usr/sbin/bird')

describe.skipIf(missing !== undefined)(`BIRD (${missing ?? 'here'})`, () => {
  let lab: Lab
  let bird: Bird
  let bfd: BfdProcess
  afterEach(() => lab.close())

  const ROUTER = { kind: 'single-hop', remote: '192.0.2.1' }

  interface Beginning {
    readonly path?: object
    readonly profile?: object
    readonly at?: 'far'
    /** Of BIRD's interface. */
    readonly options?: string
  }

  async function begin(
    neighbor: string,
    { path = ROUTER, profile = {}, at, options = '' }: Beginning = {},
  ): Promise<string> {
    lab = new Lab()
    lab.sh(lab.router, 'sysctl -qw net.ipv4.ip_local_port_range="10000 20000"') // where BIRD takes its ports from
    bird = lab.bird(
      `router id 192.0.2.1;
protocol device {}
protocol bfd {
  interface "eth0" { min rx interval 300 ms; min tx interval 300 ms; idle tx interval 300 ms; multiplier 3; ${options} };
  ${neighbor}
}
`,
      at && lab.far,
    )
    bfd = lab.bfd()
    return bfd.open(path, profile)
  }

  const seenAs = (address: string, state: string): Promise<unknown> =>
    eventually(
      () => bird.session(address)?.includes(state),
      () => `${state} at BIRD, which has ${bird.session(address)?.join(' ')}`,
    )

  const NEIGHBOR = 'neighbor 192.0.2.10 dev "eth0" local 192.0.2.1;'

  test('[F-RX-10] comes up, from a source port outside the range', async () => {
    await begin(NEIGHBOR)
    const captured = await lab.capture(lab.router)
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
    await bfd.session(({ counters }) => counters['controlIn']! > 8, 'packets')
    const theirs = (await captured()).filter(({ from }) => from === '192.0.2.1')
    expect(theirs.length).toBeGreaterThan(0)
    expect(theirs.every(({ sourcePort }) => sourcePort <= 20_000)).toBe(true)
  })

  test('[F-RX-05] IPv6, by link-local addresses', async () => {
    await begin('neighbor fe80::10 dev "eth0" local fe80::1;', {
      path: { kind: 'single-hop', remote: 'fe80::1', interface: 'eth0', local: 'fe80::10' },
    })
    await bfd.event('bfd:up')
    await seenAs('fe80::10', 'Up')
  })

  test('[F-RX-08] multihop: BIRD’s TTL is 64, so that the minimum has to be 63', async () => {
    const path = { kind: 'multihop', remote: '198.51.100.1', local: '192.0.2.10' }
    const key = await begin('neighbor 192.0.2.10 local 198.51.100.1 multihop on;', { path, at: 'far' })
    await bfd.session(({ counters }) => counters.discarded['minimum-ttl']! > 2, 'packets that came too far')
    expect(bfd.lines.some(({ name }) => name === 'bfd:up')).toBe(false)
    bfd.tell({ do: 'update', key, profile: { minimumTtl: 64 } })
    await bfd.session(({ counters }) => counters.discarded['minimum-ttl']! > 5, 'packets that came one hop too far')
    expect(bfd.lines.some(({ name }) => name === 'bfd:up')).toBe(false)
    bfd.tell({ do: 'update', key, profile: { minimumTtl: 63 } })
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
  })

  test('[F-RX-06] BIRD authenticates: it does not come up, and the reason is counted', async () => {
    await begin(NEIGHBOR, { options: 'authentication simple; password "bfdkey";' })
    await bfd.session(({ counters }) => counters.discarded['authentication-unexpected']! > 2, 'refused packets')
    expect(bfd.lines.some(({ name }) => name === 'bfd:up')).toBe(false)
  })

  test('[F-ST-02] cut one way: we notice, BIRD is told, and nobody comes up before it is mended', async () => {
    await begin(NEIGHBOR)
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
    lab.sh(
      lab.router,
      'nft add table ip t; nft add chain ip t o "{ type filter hook output priority 0; }"; nft add rule ip t o udp dport 3784 drop',
    )
    expect((await bfd.event('bfd:down')).detail).toMatchObject({ cause: 'detection-expired', diagnostic: 1 })
    await eventually(
      () => !bird.session('192.0.2.10')?.includes('Up'),
      () => 'BIRD down',
    )
    const from = bfd.lines.length
    lab.sh(lab.router, 'nft delete table ip t')
    await bfd.event('bfd:up', from)
    await seenAs('192.0.2.10', 'Up')
  })

  test('passive: BIRD begins', async () => {
    await begin(NEIGHBOR, { profile: { passiveMode: true } })
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
  })
})
