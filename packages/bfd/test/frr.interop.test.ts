import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor, type BfdProcess, type Frr, type FrrPeer } from './interop/lab.ts'

const missing = missingFor('/usr/lib/frr/bfdd', '/usr/lib/frr/zebra', '/usr/bin/vtysh', '/usr/bin/tcpdump')

describe.skipIf(missing !== undefined)(`FRR (${missing ?? 'here'})`, () => {
  let lab: Lab
  let frr: Frr
  let bfd: BfdProcess
  afterEach(() => lab.close())

  const OURS = '192.0.2.10'
  const ROUTER = { kind: 'single-hop', remote: '192.0.2.1' }

  /** FRR with these lines about a peer, and a session of ours to it. */
  async function begin(lines: string, path: object = ROUTER, profile: object = {}, at?: 'far'): Promise<string> {
    lab = new Lab()
    frr = lab.frr(`bfd\n${lines}\n!\n`, at && lab.far)
    bfd = lab.bfd()
    return bfd.open(path, profile)
  }

  const peer = (...more: string[]): string =>
    [` peer ${OURS}`, ...more.map(line => `  ${line}`), '  no shutdown', ' !'].join('\n')

  const seenAs = (status: string, address = OURS, isSo: (one: FrrPeer) => boolean = () => true): Promise<FrrPeer> =>
    eventually(
      () => {
        const one = frr.peer(address)
        return one?.status === status && isSo(one) && one
      },
      () => `${status} at FRR, which has ${JSON.stringify(frr.peer(address))}`,
    )

  test('[F-BGP-06] comes up with the values of the profile, both ways', async () => {
    await begin(peer('detect-multiplier 4', 'receive-interval 350', 'transmit-interval 250'), ROUTER, {
      receiveIntervalMs: 400,
      transmitIntervalMs: 200,
      detectMultiplier: 5,
    })
    await bfd.event('bfd:up')
    const seen = await seenAs('up', OURS, one => one['remote-transmit-interval'] === 200)
    expect(seen).toMatchObject({ 'remote-receive-interval': 400, 'remote-detect-multiplier': 5 })
    const session = await bfd.session(one => one.remote?.['desiredMinTxUs'] === 250_000, 'FRR’s values')
    expect(session.timing).toMatchObject({ transmitIntervalMs: 350, detectionTimeMs: 4 * 400 })
  })

  test('[F-TX-09] [F-BGP-07] what a capture shows: TTL 255, one source port, as many packets as are counted', async () => {
    lab = new Lab()
    const captured = await lab.capture(lab.router)
    frr = lab.frr(`bfd\n${peer()}\n!\n`)
    bfd = lab.bfd()
    const key = await bfd.open(ROUTER)
    await bfd.event('bfd:up')
    await bfd.session(({ counters }) => counters['controlOut']! > 15, 'fifteen packets')
    bfd.tell({ do: 'close', key })
    const counters = (await bfd.event('bfd:closed'))['counters'] as { controlOut: number; controlIn: number }
    const packets = await captured()
    const ours = packets.filter(({ from }) => from === OURS)
    expect(ours.length).toBe(counters.controlOut)
    expect(frr.counters(OURS)?.['control-packet-input']).toBe(counters.controlOut)
    expect(new Set(ours.map(({ ttl }) => ttl))).toEqual(new Set([255]))
    expect(new Set(ours.map(({ port }) => port))).toEqual(new Set([3784]))
    const ports = [...new Set(ours.map(({ sourcePort }) => sourcePort))]
    expect([ports.length, ports[0]! >= 49_152]).toEqual([1, true])
    expect(packets.filter(({ from }) => from === '192.0.2.1').length).toBeGreaterThanOrEqual(counters.controlIn)
  })

  test('[F-RX-05] IPv6, by link-local addresses', async () => {
    await begin(' peer fe80::10 local-address fe80::1 interface eth0\n  no shutdown\n !', {
      kind: 'single-hop',
      remote: 'fe80::1',
      interface: 'eth0',
      local: 'fe80::10', // the link has another one, of its hardware address
    })
    await bfd.event('bfd:up')
    await seenAs('up', 'fe80::10')
  })

  test('[F-RX-05] IPv6, by global addresses', async () => {
    await begin(' peer 2001:db8::10\n  no shutdown\n !', { kind: 'single-hop', remote: '2001:db8::1' })
    await bfd.event('bfd:up')
    await seenAs('up', '2001:db8::10')
  })

  test.each([
    ['IPv4', OURS, '198.51.100.1'],
    ['IPv6', '2001:db8::10', '2001:db8:1::1'],
  ])(
    '[F-RX-08] multihop over %s: a router between takes one off the TTL, and that is the default minimum',
    async (_, local, remote) => {
      await begin(
        ` peer ${local} multihop local-address ${remote}\n  no shutdown\n !`,
        { kind: 'multihop', remote, local },
        {},
        'far',
      )
      await bfd.event('bfd:up')
      await seenAs('up', local)
    },
  )

  test('[F-TX-06] passive: FRR begins', async () => {
    await begin(peer(), ROUTER, { passiveMode: true })
    await bfd.event('bfd:up')
    await seenAs('up')
  })

  test('[F-TX-06] FRR passive: we begin', async () => {
    await begin(peer('passive-mode'))
    await bfd.event('bfd:up')
    await seenAs('up')
  })

  test('[F-TX-06] both passive: nobody begins, until we are told to', async () => {
    const key = await begin(peer('passive-mode'), ROUTER, { passiveMode: true })
    await eventually(
      () => frr.peer(OURS),
      () => 'bfdd',
    )
    await new Promise(resolve => setTimeout(resolve, 3_000)) // for whoever would begin
    const [session] = await bfd.show()
    expect([session?.state, session?.counters['controlIn'], session?.counters['controlOut']]).toEqual(['down', 0, 0])
    bfd.tell({ do: 'update', key, profile: {} })
    await bfd.event('bfd:up')
    await seenAs('up')
  })

  test('[F-RX-11] floods of forged packets, ten thousand at a time: the session stays up, and each that is read is counted', async () => {
    await begin(peer())
    await bfd.event('bfd:up')
    const { remote } = await bfd.session(({ state }) => state === 'up', 'up')
    const id = Number(remote!['myDiscriminator']).toString(16).padStart(8, '0')
    for (const [ttl, yours] of [
      [255, 'ffffffff'],
      [254, id],
    ] as const) {
      const hex = `20400318${id}${yours}000f4240000493e000000000`
      const program = `
        const s = require('node:dgram').createSocket('udp4');
        let left = 10000;
        const next = () => left-- > 0 ? s.send(Buffer.from('${hex}', 'hex'), 3784, '${OURS}', next) : s.close();
        s.bind(0, () => { s.setTTL(${ttl}); next() })`
      lab.sh(lab.router, `${process.execPath} -e "${program.replaceAll('\n', ' ')}"`)
    }
    let forged = { counted: { yours: 0, ttl: 0 }, overflowed: 0 }
    await eventually(
      async () => {
        const from = bfd.lines.length
        bfd.tell({ do: 'show' })
        const discarded = (await bfd.event('shown', from))['discarded'] as Record<string, number>
        const counted = { yours: discarded['unknown-your-discriminator']!, ttl: discarded['ttl']! }
        forged = { counted, overflowed: lab.udpOverflows(lab.us) }
        return counted.yours + counted.ttl + forged.overflowed >= 20_000
      },
      () => `every packet read or lost by a full buffer; is ${JSON.stringify(forged)}`,
    )
    expect(forged.counted.yours).toBeGreaterThan(0)
    expect(forged.counted.yours).toBeLessThanOrEqual(10_000)
    expect(forged.counted.ttl).toBeGreaterThan(0)
    expect(forged.counted.ttl).toBeLessThanOrEqual(10_000)
    expect((await bfd.show())[0]).toMatchObject({ state: 'up', counters: { downEvents: 0 } })
    expect(frr.counters(OURS)).toMatchObject({ 'session-down': 0 })
  })

  test('[F-DET-02] FRR dies: down, detection time expired; and it comes back', async () => {
    await begin(peer())
    await bfd.event('bfd:up')
    process.kill(frr.pid, 'SIGKILL')
    const down = await bfd.event('bfd:down')
    expect(down.detail).toMatchObject({ cause: 'detection-expired', diagnostic: 1 })
    const from = bfd.lines.length
    frr = lab.frr(`bfd\n${peer()}\n!\n`)
    await bfd.event('bfd:up', from)
  })

  test('[F-ST-03] we die: FRR notices, and a new process of ours comes up', async () => {
    await begin(peer())
    await bfd.event('bfd:up')
    await seenAs('up')
    bfd.child.kill('SIGKILL')
    expect(await seenAs('down')).toMatchObject({ diagnostic: 'control detection time expired' })
    bfd = lab.bfd()
    await bfd.open(ROUTER)
    await bfd.event('bfd:up')
  })

  test('[F-ADM-01] taken down by an operator, on their side and on ours', async () => {
    const key = await begin(peer())
    await bfd.event('bfd:up')
    frr.configure(`peer ${OURS}`, 'shutdown')
    expect((await bfd.event('bfd:down')).detail).toMatchObject({ cause: 'peer-admin-down', diagnostic: 3 })
    let from = bfd.lines.length
    frr.configure(`peer ${OURS}`, 'no shutdown')
    await bfd.event('bfd:up', from)
    await seenAs('up')
    from = bfd.lines.length
    bfd.tell({ do: 'disable', key })
    await bfd.event('bfd:down', from)
    expect(await seenAs('down')).toMatchObject({ 'remote-diagnostic': 'administratively down' })
    bfd.tell({ do: 'enable', key })
    await bfd.event('bfd:up', from)
    await seenAs('up')
  })

  test('[F-BGP-06] [F-POLL-02] profiles change on either side, and nobody goes down', async () => {
    const key = await begin(peer())
    await bfd.event('bfd:up')
    await seenAs('up')
    for (const [receiveIntervalMs, transmitIntervalMs] of [
      [1_000, 1_200],
      [200, 150],
      [600, 600],
    ] as const) {
      bfd.tell({ do: 'update', key, profile: { receiveIntervalMs, transmitIntervalMs } })
      await seenAs(
        'up',
        OURS,
        one =>
          one['remote-receive-interval'] === receiveIntervalMs &&
          one['remote-transmit-interval'] === transmitIntervalMs,
      )
      await bfd.session(
        ({ timing }) => timing['detectionTimeMs'] === 3 * Math.max(300, receiveIntervalMs),
        'ours in force',
      )
    }
    for (const interval of [1_000, 150]) {
      frr.configure(`peer ${OURS}`, `transmit-interval ${interval}`, `receive-interval ${interval}`)
      await bfd.session(
        ({ remote }) =>
          remote?.['desiredMinTxUs'] === interval * 1_000 && remote['requiredMinRxUs'] === interval * 1_000,
        'theirs',
      )
    }
    expect(frr.counters(OURS)).toMatchObject({ 'session-up': 1, 'session-down': 0 })
    expect(bfd.lines.some(({ name }) => name === 'bfd:down')).toBe(false)
  })

  test('[F-DET-03] held up for longer than the detection time: what waited is read first', async () => {
    await begin(peer(), ROUTER, { transmitIntervalMs: 2_000 }) // so that FRR does not miss us
    await bfd.event('bfd:up')
    await bfd.session(({ timing }) => timing['detectionTimeMs'] === 900, 'the short detection time')
    bfd.tell({ do: 'stall', ms: 2_500 })
    const { counters, state } = await bfd.session(one => one.counters['controlIn']! > 15, 'packets after it')
    expect([state, counters['downEvents']]).toEqual(['up', 0])
  })

  test('[F-ECHO-01] our echoes come back from FRR’s kernel; when they do not, down with diagnostic 2', async () => {
    await begin(peer(), ROUTER, { echoMode: true, echoIntervalMs: 100 })
    await bfd.event('bfd:up')
    const session = await bfd.session(({ counters }) => counters['echoIn']! > 10, 'ten echoes')
    expect(session.timing['echoIntervalMs']).toBe(100)
    expect(session.counters['downEvents']).toBe(0)
    lab.sh(lab.router, 'sysctl -qw net.ipv4.ip_forward=0')
    expect((await bfd.event('bfd:down')).detail).toMatchObject({ cause: 'echo-failed', diagnostic: 2 })
  })

  test('[F-ECHO-01] FRR’s echoes come back from our kernel', async () => {
    lab = new Lab()
    lab.sh(lab.us, 'sysctl -qw net.ipv4.ip_forward=1')
    frr = lab.frr(`bfd\n${peer('echo-mode', 'echo transmit-interval 100')}\n!\n`)
    bfd = lab.bfd()
    await bfd.open(ROUTER, { echoTarget: true, echoIntervalMs: 100 })
    await bfd.event('bfd:up')
    await eventually(
      () => (frr.counters(OURS)?.['echo-packet-input'] ?? 0) > 10,
      () => JSON.stringify(frr.counters(OURS)),
    )
    expect((await bfd.show())[0]?.counters).toMatchObject({ downEvents: 0 })
  })

  test.each([
    ['IPv4', 'udp4', ROUTER, OURS],
    ['IPv6', 'udp6', { kind: 'single-hop', remote: '2001:db8::1' }, '2001:db8::10'],
  ])('[F-RX-07] a forged Down over %s with another TTL takes nothing down', async (_, type, path, local) => {
    await begin(` peer ${local}\n  no shutdown\n !`, path)
    await bfd.event('bfd:up')
    const { remote } = await bfd.session(({ state }) => state === 'up', 'up')
    const id = Number(remote!['myDiscriminator']).toString(16).padStart(8, '0')
    const hex = `20400318${id}00000000000f4240000493e000000000`
    const program = `
      const s = require('node:dgram').createSocket('${type}');
      s.bind(0, () => { s.setTTL(254); s.send(Buffer.from('${hex}', 'hex'), 3784, '${local}', () => s.close()) })`
    lab.sh(lab.router, `${process.execPath} -e "${program.replaceAll('\n', ' ')}"`)
    const { state, counters } = await bfd.session(one => one.counters.discarded !== undefined, 'counters')
    await eventually(
      async () => {
        const from = bfd.lines.length
        bfd.tell({ do: 'show' })
        return ((await bfd.event('shown', from))['discarded'] as Record<string, number>)['ttl'] === 1
      },
      () => 'the discarded packet',
    )
    expect([state, counters['downEvents']]).toEqual(['up', 0])
  })

  test('a port that FRR has on this host is said to be in use', async () => {
    lab = new Lab()
    frr = lab.frr(`bfd\n${peer()}\n!\n`)
    await eventually(
      () => frr.peer(OURS),
      () => 'bfdd',
    )
    bfd = lab.bfd(lab.router)
    bfd.tell({ do: 'open', path: { kind: 'single-hop', remote: OURS } })
    expect(await bfd.event('refused')).toMatchObject({ code: 'port-in-use' })
  })

  test('examples/on-linux.ts watches FRR', async () => {
    lab = new Lab()
    frr = lab.frr(`bfd\n${peer()}\n!\n`)
    const program = new URL('../examples/on-linux.ts', import.meta.url).pathname
    const child = lab.spawn(lab.us, process.execPath, ['--conditions=development', program, '192.0.2.1'])
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await eventually(
      () => text.includes('up the peer is heard every'),
      () => `the example to say so; it said ${text}`,
    )
  })

  test('stopped: FRR hears AdminDown, and the process ends', async () => {
    await begin(peer())
    await bfd.event('bfd:up')
    await seenAs('up')
    const ended = new Promise(resolve => bfd.child.once('exit', resolve))
    bfd.tell({ do: 'stop' })
    expect(await seenAs('down')).toMatchObject({ 'remote-diagnostic': 'administratively down' })
    expect(await ended).toBe(0)
  })
})
