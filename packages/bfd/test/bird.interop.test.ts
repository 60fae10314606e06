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
    bird = lab.bird(configuration(neighbor, options), at && lab.far)
    bfd = lab.bfd()
    return bfd.open(path, profile)
  }

  function configuration(neighbor: string, options: string, intervalMs = 300): string {
    const intervals = ['rx', 'tx'].map(way => `min ${way} interval ${intervalMs} ms;`).join(' ')
    return `router id 192.0.2.1;
protocol device {}
protocol bfd {
  interface "eth0" { ${intervals} idle tx interval 300 ms; multiplier 3; ${options} };
  ${neighbor}
}
`
  }

  /** Long enough for whoever would begin to have begun. */
  const quiet = (): Promise<unknown> => new Promise(resolve => setTimeout(resolve, 3_000))

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

  test('[F-TX-06] passive: BIRD begins', async () => {
    await begin(NEIGHBOR, { profile: { passiveMode: true } })
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
  })

  test('[F-TX-06] BIRD passive: we begin', async () => {
    await begin(NEIGHBOR, { options: 'passive on;' })
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
  })

  test('[F-TX-06] both passive: nobody begins, until we are told to', async () => {
    const key = await begin(NEIGHBOR, { profile: { passiveMode: true }, options: 'passive on;' })
    await quiet()
    const [session] = await bfd.show()
    expect([session?.state, session?.counters['controlIn'], session?.counters['controlOut']]).toEqual(['down', 0, 0])
    bfd.tell({ do: 'update', key, profile: {} })
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
  })

  test('[F-RX-05] IPv6, by global addresses', async () => {
    await begin('neighbor 2001:db8::10 dev "eth0" local 2001:db8::1;', {
      path: { kind: 'single-hop', remote: '2001:db8::1' },
    })
    await bfd.event('bfd:up')
    await seenAs('2001:db8::10', 'Up')
  })

  test('[F-RX-08] multihop over IPv6', async () => {
    const path = { kind: 'multihop', remote: '2001:db8:1::1', local: '2001:db8::10' }
    const neighbor = 'neighbor 2001:db8::10 local 2001:db8:1::1 multihop on;'
    await begin(neighbor, { path, at: 'far', profile: { minimumTtl: 63 } })
    await bfd.event('bfd:up')
    await seenAs('2001:db8::10', 'Up')
  })

  test('[F-BGP-06] [F-POLL-02] timers change on either side, and nobody goes down', async () => {
    const key = await begin(NEIGHBOR)
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
    for (const intervalMs of [1_000, 150]) {
      bfd.tell({ do: 'update', key, profile: { receiveIntervalMs: intervalMs, transmitIntervalMs: intervalMs } })
      const detectionTimeMs = 3 * Math.max(300, intervalMs)
      await bfd.session(({ timing }) => timing['detectionTimeMs'] === detectionTimeMs, 'ours in force')
    }
    for (const intervalMs of [900, 200]) {
      bird.configure(configuration(NEIGHBOR, '', intervalMs))
      await bfd.session(({ remote }) => remote?.['desiredMinTxUs'] === intervalMs * 1_000, 'theirs')
    }
    expect(bfd.lines.some(({ name }) => name === 'bfd:down')).toBe(false)
    await seenAs('192.0.2.10', 'Up')
  })

  test('[F-ADM-01] we take it down on purpose: BIRD hears it, and comes back when we do', async () => {
    const key = await begin(NEIGHBOR)
    await bfd.event('bfd:up')
    await seenAs('192.0.2.10', 'Up')
    const from = bfd.lines.length
    bfd.tell({ do: 'disable', key })
    expect((await bfd.event('bfd:down', from)).detail).toMatchObject({ cause: 'disabled', diagnostic: 7 })
    await seenAs('192.0.2.10', 'Down')
    bfd.tell({ do: 'enable', key })
    await bfd.event('bfd:up', from)
    await seenAs('192.0.2.10', 'Up')
  })
})
