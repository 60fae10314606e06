import { readdirSync, readFileSync } from 'node:fs'
import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { answerArp, answerNeighborSolicitation, AnnouncedTable, type Responder } from '../src/index.ts'
import { decodeArp, encodeArp } from '../src/wire/arp.ts'
import { decodeNeighborMessage, encodeNeighborMessage } from '../src/wire/icmpv6.ts'

/** Frames recorded from real senders: 02:00:00:00:00:0a asks, 02:00:00:00:00:0b has 192.0.2.2 and 2001:db8::2. */
const vectors = new Map(
  readdirSync(new URL('./vectors', import.meta.url)).map(file => [file.replace('.hex', ''), read(file)]),
)

const linux: Responder = {
  interfaceName: 'b0',
  mac: mac('02:00:00:00:00:0b'),
  table: new AnnouncedTable([
    { address: address('192.0.2.2'), interfaces: 'all' },
    { address: address('2001:db8::2'), interfaces: 'all' },
  ]),
}

/** With a nonce and with a flow label, which a decoded message leaves out. */
const NOT_KEPT = ['ndp-duplicate-check-linux', 'ndp-solicitation-ndisc6']

const named = (prefix: string): [string, Uint8Array][] => [...vectors].filter(([name]) => name.startsWith(prefix))
const vector = (name: string): Uint8Array => vectors.get(name)!
const padded = (frame: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: Math.max(60, frame.length) }, (_, i) => frame[i] ?? 0)

describe('recorded frames', () => {
  it.each(named('arp-'))('%s: decodes, and encodes to the same bytes', (_, frame) => {
    const packet = decodeArp(frame)
    if (typeof packet === 'string') throw new Error(packet)
    expect(encodeArp(packet)).toEqual(padded(frame))
  })

  it.each(named('ndp-').filter(([name]) => !NOT_KEPT.includes(name)))(
    '%s: decodes, and encodes to the same bytes',
    (_, frame) => {
      const message = decodeNeighborMessage(frame)
      if (typeof message === 'string') throw new Error(message)
      expect(encodeNeighborMessage(message)).toEqual(frame)
    },
  )

  it.each(NOT_KEPT)('%s: decodes', name => {
    expect(decodeNeighborMessage(vector(name))).toMatchObject({ type: 135, target: address('2001:db8::2') })
  })

  it('[row 27] our ARP answer is that of Linux, byte for byte', () => {
    expect(answerArp(vector('arp-request-linux'), linux)).toEqual(padded(vector('arp-reply-linux')))
  })

  it.each(['arp-request-arping', 'arp-request-arping-unicast', 'arp-request-linux-unicast'])(
    '[row 27] %s is answered as Linux does',
    name => expect(answerArp(vector(name), linux)).toEqual(padded(vector('arp-reply-linux'))),
  )

  it('[row 27] a probe of arping is answered', () => {
    expect(answerArp(vector('arp-probe-arping'), linux)).toBeInstanceOf(Uint8Array)
  })

  it('[row 28] our NDP answer is that of Linux, byte for byte', () => {
    expect(answerNeighborSolicitation(vector('ndp-solicitation-linux'), linux)).toEqual(vector('ndp-answer-linux'))
  })

  it('[row 28] a check for duplicates by another host is answered as Linux announces', () => {
    const check = vector('ndp-duplicate-check-linux').slice()
    check[11] = 0x0a // it was recorded from the host that then had the address
    expect(answerNeighborSolicitation(check, linux)).toEqual(vector('ndp-unsolicited-linux'))
  })

  it.each(['ndp-solicitation-ndisc6', 'ndp-solicitation-linux-unicast'])('[row 28] %s is answered', name => {
    expect(answerNeighborSolicitation(vector(name), linux)).toBeInstanceOf(Uint8Array)
  })
})

function read(file: string): Uint8Array {
  const text = readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')
  return Uint8Array.from(Buffer.from(text.replaceAll(/#.*|\s/g, ''), 'hex'))
}
