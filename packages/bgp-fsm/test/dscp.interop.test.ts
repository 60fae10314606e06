import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor } from './interop/lab.ts'

const missing = missingFor('/usr/sbin/bird', '/usr/bin/tcpdump')

/** A key is for an address of the peer's, whatever address of ours it opens to: those with one are another router's. */
const SESSIONS = [
  { name: 'dials4', ours: '192.0.2.10', theirs: '192.0.2.1', passive: false },
  { name: 'dials6', ours: '2001:db8::10', theirs: '2001:db8::1', passive: false },
  { name: 'takes4', ours: '192.0.2.11', theirs: '192.0.2.1', passive: true },
  { name: 'takes6', ours: '2001:db8::11', theirs: '2001:db8::1', passive: true },
  { name: 'keyed4', ours: '192.0.2.12', theirs: '192.0.2.2', passive: false, password: 'sesame' },
  { name: 'keyed6', ours: '2001:db8::12', theirs: '2001:db8::2', passive: false, password: 'sesame' },
] as const

describe.skipIf(missing !== undefined)(`what routers see of our packets (${missing ?? 'here'})`, () => {
  let lab: Lab
  afterEach(() => lab.close())

  test('every message is marked CS6: both families, dialled, taken, and with a key', async () => {
    lab = new Lab()
    const bird = lab.bird(`router id 192.0.2.1;\nprotocol device {}\n${SESSIONS.map(protocol).join('\n')}`)
    for (const { ours, theirs } of SESSIONS) {
      lab.sh(lab.us, `ip address replace ${onLink(ours)} dev eth0`)
      lab.sh(lab.router, `ip address replace ${onLink(theirs)} dev eth0`)
    }
    const dump = lab.spawn(lab.us, '/usr/bin/tcpdump', ['-i', 'eth0', '-l', '-n', '-v', 'tcp port 179'])
    const packets = new Packets(dump)
    await packets.listening

    const speaker = lab.speaker()
    speaker.tell({ do: 'create', init: { asn: 4_200_000_010, routerId: { ip: '192.0.2.10' } } })
    for (const { name, ours, theirs, passive, ...more } of SESSIONS) {
      const where = { remote: { ip: theirs }, source: { ip: ours } }
      speaker.tell({ do: 'peer', init: { name, ...where, peerAsn: 64_500, families: ['ipv4'], passive, ...more } })
    }
    speaker.tell({ do: 'listen', port: 179 })
    for (const { name } of SESSIONS)
      await speaker.line(line => line.name === 'bgp:established' && line.detail?.['peer'] === name, name)

    for (const { ours } of SESSIONS) {
      // OPEN, KEEPALIVE and End-of-RIB, in however many packets.
      await eventually(
        () => packets.from(ours).reduce((sum, { octets }) => sum + octets, 0) >= 29 + 19 + 23,
        () => `what ${ours} says; ${bird.ask('show protocols')}`,
      )
      expect(packets.from(ours).map(({ mark }) => mark)).toEqual(packets.from(ours).map(() => '0xc0'))
    }
  })
})

function onLink(address: string): string {
  return address.includes(':') ? `${address}/64 nodad` : `${address}/24`
}

function protocol({ name, ours, theirs, passive, ...more }: (typeof SESSIONS)[number]): string {
  return `protocol bgp ${name} {
  local ${theirs} as 64500;
  neighbor ${ours} as 4200000010;
  ${passive ? 'connect delay time 1; error wait time 1, 5;' : 'passive on;'}
  ${'password' in more ? `password "${more.password}";` : ''}
  ipv4 { import all; export none; extended next hop on; };
}`
}

interface Packet {
  readonly source: string
  readonly mark: string
  readonly octets: number
}

/** Packets with something in them, as tcpdump prints them: IPv4 on two lines, IPv6 on one. */
class Packets {
  readonly listening: Promise<void>
  readonly #all: Packet[] = []
  #mark = ''

  constructor(dump: ChildProcess) {
    this.listening = new Promise(resolve =>
      dump.stderr!.on('data', text => String(text).includes('listening on') && resolve()),
    )
    createInterface({ input: dump.stdout! }).on('line', line => this.#read(line))
  }

  from(source: string): readonly Packet[] {
    return this.#all.filter(one => one.source === source)
  }

  #read(line: string): void {
    const mark = /\btos (0x[0-9a-f]+)/.exec(line) ?? /\bclass (0x[0-9a-f]+)/.exec(line)
    if (/\bIP6? /.test(line)) this.#mark = mark?.[1] ?? '0x0'
    const packet = /(\S+)\.\d+ > \S+\.\d+: Flags .* length (\d+)/.exec(line)
    if (packet !== null && packet[2] !== '0')
      this.#all.push({ source: packet[1]!, mark: this.#mark, octets: Number(packet[2]) })
  }
}
