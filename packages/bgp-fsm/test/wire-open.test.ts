import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '@metallb-ts/netip'
import {
  decodeMessage,
  encodeMessage,
  explainNotification,
  ERRORS,
  Framer,
  KEEPALIVE,
  notification,
  shutdownMessage,
  unicast,
  type Capability,
  type CodecContext,
  type Message,
  type Notification,
  type Open,
} from '@metallb-ts/bgp-fsm/wire'

const CODEC: CodecContext = { fourOctetAs: true, internal: false }

export function vector(name: string): Uint8Array {
  return hex(readFileSync(new URL(`vectors/${name}.hex`, import.meta.url), 'utf8'))
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

const frame = (length: number, type: number, marker = 'ff'.repeat(16)): Uint8Array =>
  hex(`${marker}${length.toString(16).padStart(4, '0')}${type.toString(16).padStart(2, '0')}`)

const push = (bytes: Uint8Array, framer = new Framer()): { frames: string[]; error: Notification | undefined } => {
  const frames: string[] = []
  const error = framer.push(bytes, one => frames.push(Buffer.from(one).toString('hex')) > 0)
  return { frames, error }
}

const openWith = (parameters: string, head = '045ba0005ac000020a'): Uint8Array => {
  const body = `${head}${parameters}`
  return hex(`${'ff'.repeat(16)}${(19 + body.length / 2).toString(16).padStart(4, '0')}01${body}`)
}

const caps = (...list: string[]): string => {
  const area = list.join('')
  const length = area.length / 2
  return `${(length + 2).toString(16).padStart(2, '0')}02${length.toString(16).padStart(2, '0')}${area}`
}

const opened = (bytes: Uint8Array): Open => {
  const decoded = decodeMessage(bytes, CODEC)
  if (!decoded.ok || decoded.message.type !== 'open') throw new Error(JSON.stringify(decoded))
  return decoded.message
}

const refusal = (bytes: Uint8Array): string => {
  const decoded = decodeMessage(bytes, CODEC)
  return decoded.ok ? decoded.message.type : `${decoded.notification.code}/${decoded.notification.subcode}`
}

describe('header', () => {
  test.each([
    ['[B-HDR-01] a marker that is not all ones', frame(19, 4, 'ff'.repeat(15) + 'fe'), [1, 1, '']],
    ['[B-HDR-02] shorter than a header', frame(18, 4), [1, 2, '0012']],
    ['[B-HDR-02] longer than the limit in force', frame(4097, 2), [1, 2, '1001']],
    ['[B-EXT-02] 4097 octets where that was not agreed on', frame(4097, 3), [1, 2, '1001']],
    ['[B-HDR-03] OPEN under 29', frame(28, 1), [1, 2, '001c']],
    ['[B-HDR-03] UPDATE under 23', frame(22, 2), [1, 2, '0016']],
    ['[B-HDR-03] NOTIFICATION under 21', frame(20, 3), [1, 2, '0014']],
    ['[B-HDR-03] KEEPALIVE of 20', frame(20, 4), [1, 2, '0014']],
    ['[B-HDR-03] ROUTE-REFRESH under 23', frame(22, 5), [1, 2, '0016']],
    ['[B-HDR-04] type 0', frame(19, 0), [1, 3, '00']],
    ['[B-HDR-04] type 6', frame(19, 6), [1, 3, '06']],
    ['[B-HDR-04] type 255', frame(19, 255), [1, 3, 'ff']],
  ])('%s', (_name, bytes, expected) => {
    const { error, frames } = push(bytes)
    expect([error?.code, error?.subcode, Buffer.from(error?.data ?? []).toString('hex')]).toEqual(expected)
    expect(frames).toEqual([])
  })

  test('[B-HDR-05] a bare header is enough: nothing waits for the body', () => {
    expect(push(frame(65_535, 2)).error).toMatchObject({ code: 1, subcode: 2 })
    expect(push(frame(4_096, 2)).error).toBeUndefined()
  })

  test('[B-EXT-01] over 4096 once both offered it; OPEN and KEEPALIVE never', () => {
    const extended = (): Framer => {
      const framer = new Framer()
      framer.allowExtended()
      return framer
    }
    expect(push(frame(65_535, 2), extended()).error).toBeUndefined()
    expect(push(frame(4_097, 1), extended()).error).toMatchObject({ code: 1, subcode: 2 })
    expect(push(frame(4_097, 4), extended()).error).toMatchObject({ code: 1, subcode: 2 })
  })

  test('[B-HDR-06] any cutting of the stream gives the same messages', () => {
    const names = ['x1', 'x2', 'x3', 'x4', 'x8', 'x11', 'x12']
    const stream = Buffer.concat(names.map(vector))
    const expected = names.map(name => Buffer.from(vector(name)).toString('hex'))
    for (const step of [1, 2, 3, 7, 19, 20, 64, 1000]) {
      const framer = new Framer()
      const frames: string[] = []
      for (let at = 0; at < stream.length; at += step)
        frames.push(...push(new Uint8Array(stream.subarray(at, at + step)), framer).frames)
      expect(frames).toEqual(expected)
    }
  })

  test('[B-HDR-06] chunks may share memory, and the memory may be used again', () => {
    const names = ['x1', 'x2', 'x3', 'x4', 'x8', 'x11', 'x12']
    const stream = Buffer.concat(names.map(vector))
    for (const step of [1, 7, 19, 64]) {
      for (const isReused of [true, false]) {
        const framer = new Framer()
        const frames: string[] = []
        const memory = Buffer.alloc(64)
        for (let at = 0; at < stream.length; at += step) {
          const chunk = stream.subarray(at, at + step)
          memory.set(chunk)
          frames.push(...push(isReused ? memory.subarray(0, chunk.length) : chunk, framer).frames)
        }
        expect(frames).toEqual(names.map(name => Buffer.from(vector(name)).toString('hex')))
      }
    }
  })

  test('[B-NOTE-03] what a message says stays when the memory it came in is used again', () => {
    const bytes = Buffer.from(encodeMessage(ERRORS.shutdown('maintenance'), { fourOctetAs: true, internal: false }))
    const decoded = decodeMessage(bytes, { fourOctetAs: true, internal: false })
    bytes.fill(0)
    expect(decoded).toEqual({ ok: true, message: ERRORS.shutdown('maintenance') })
  })

  test('[B-HDR-07] after an error nothing is parsed, and no more than one message is held', () => {
    const framer = new Framer()
    expect(push(frame(19, 9), framer).error).toBeDefined()
    expect(push(vector('x2'), framer)).toEqual({ frames: [], error: undefined })
    const waiting = new Framer()
    push(frame(4_096, 2), waiting)
    for (let i = 0; i < 4_000; i++) push(new Uint8Array(1), waiting)
    expect(waiting.buffered).toBe(4_019)
    push(new Uint8Array(77), waiting)
    expect(waiting.buffered).toBe(0)
  })
})

describe('OPEN', () => {
  test('[B-OPEN-01] [B-CAP-02] X1 decodes and is written again octet for octet', () => {
    const open = opened(vector('x1'))
    expect(open).toMatchObject({ asn: 4_200_000_010, shortAsn: 23_456, holdTime: 90, routerId: 0xc000020a })
    expect(Buffer.from(encodeMessage(open, CODEC)).toString('hex')).toBe(Buffer.from(vector('x1')).toString('hex'))
  })

  test('[B-OPEN-03] an AS of four octets is said as 23456 and in capability 65', () => {
    const asn = 4_200_000_010
    const bytes = encodeMessage(
      { type: 'open', asn, holdTime: 90, routerId: 1, capabilities: [{ kind: 'four-octet-as', asn }] },
      CODEC,
    )
    expect([bytes[20], bytes[21]]).toEqual([0x5b, 0xa0])
    expect(opened(bytes).asn).toBe(asn)
  })

  test('[B-OPEN-04] the AS of capability 65 counts, else the short one', () => {
    expect(opened(openWith(caps('41040000fde8'))).asn).toBe(65_000)
    expect(opened(openWith('00')).asn).toBe(23_456)
  })

  test.each([
    ['[B-OPEN-02] version 3', openWith('00', '03fc00005ac000020a'), '2/1'],
    ['[B-OPEN-10] parameter type 1', openWith('03010100'), '2/4'],
    ['[B-OPEN-11] parameters longer than the message', openWith('05020201'), '2/0'],
    ['[B-OPEN-11] parameters shorter than the message', openWith('00' + '0202'), '2/0'],
    ['[B-OPEN-11] a capability past its parameter', openWith('0402024104'), '2/0'],
    ['[B-OPEN-11] half a capability', openWith('03020141'), '2/0'],
    ['[B-CAP-07] capability 1 of three octets', openWith(caps('0103000100')), '2/0'],
    ['[B-CAP-07] capability 65 of two octets', openWith(caps('4102fde8')), '2/0'],
    ['[B-CAP-07] capability 2 with a value', openWith(caps('020100')), 'open'],
    ['[B-CAP-07] capability 6 with a value', openWith(caps('060100')), 'open'],
    ['[B-CAP-07] capability 70 with a value', openWith(caps('460100')), 'open'],
    ['[B-CAP-07] capability 64 of one octet', openWith(caps('400100')), 'open'],
    ['[B-CAP-07] capability 73 with a lying length', openWith(caps('4902ff00')), 'open'],
  ])('%s', (_name, bytes, expected) => {
    expect(refusal(bytes)).toBe(expected)
  })

  test('[B-OPEN-02] the answer names version 4', () => {
    const decoded = decodeMessage(openWith('00', '03fc00005ac000020a'), CODEC)
    expect(decoded).toMatchObject({ ok: false, notification: { data: Uint8Array.of(0, 4) } })
  })

  test('[B-OPEN-12] the long form, and the classic one of exactly 255 octets', () => {
    const value = `01040001000141040000fde8`
    const long = openWith(`ffff${'000f'}02${'000c'}${value}`)
    expect(opened(long).capabilities.map(({ kind }) => kind)).toEqual(['multiprotocol', 'four-octet-as'])
    const filler = `c8f1${'00'.repeat(241)}` // 243 octets of a capability nobody knows
    const classic = openWith(`ff02fd${filler}${'41040000fde8'}${'0200'}${'0200'}`)
    expect(opened(classic).capabilities.map(({ kind }) => kind)).toEqual([
      'unknown',
      'four-octet-as',
      'route-refresh',
      'route-refresh',
    ])
  })

  test('[B-OPEN-13] the long form is used above 255 octets only', () => {
    const open = (size: number): Uint8Array =>
      encodeMessage(
        { type: 'open', asn: 1, holdTime: 90, routerId: 1, capabilities: [{ kind: 'unknown', code: 200, value: new Uint8Array(size) }, { kind: 'unknown', code: 201, value: new Uint8Array(0) }] },
        CODEC,
      ) // prettier-ignore
    expect(open(249)[28]).toBe(255)
    expect(open(249)[29]).toBe(2)
    expect(Array.from(open(250).subarray(28, 30))).toEqual([255, 255])
    for (const size of [0, 249, 250, 255]) expect(opened(open(size)).capabilities).toHaveLength(2)
  })
})

describe('capabilities', () => {
  const ALL: Capability[] = [
    unicast('ipv4'),
    unicast('ipv6'),
    { kind: 'route-refresh' },
    { kind: 'old-route-refresh' },
    { kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    { kind: 'extended-message' },
    { kind: 'role', role: 3 },
    { kind: 'graceful-restart', restarting: true, notification: true, seconds: 4_095, families: [{ afi: 1, safi: 1, preserved: true }] },
    { kind: 'graceful-restart', restarting: false, notification: false, seconds: 0, families: [] },
    { kind: 'four-octet-as', asn: 4_294_967_295 },
    { kind: 'add-path', tuples: [{ afi: 2, safi: 1, mode: 'both' }] },
    { kind: 'enhanced-route-refresh' },
    { kind: 'long-lived-graceful-restart', families: [{ afi: 1, safi: 1, preserved: false, staleSeconds: 86_400 }] },
    { kind: 'fqdn', host: 'router', domain: 'example' },
    { kind: 'unknown', code: 222, value: Uint8Array.of(1, 2, 3) },
  ] // prettier-ignore

  test('[B-CAP-01] [B-CAP-08] [B-CAP-09] every one survives the wire, unknown ones included', () => {
    const open: Open = { type: 'open', asn: 65_000, shortAsn: 65_000, holdTime: 90, routerId: 1, capabilities: ALL }
    expect(opened(encodeMessage(open, CODEC)).capabilities).toEqual(ALL)
  })

  test('[B-CAP-02] one in a parameter, all in one, and mixtures are alike', () => {
    const one = openWith('10' + '0206' + '010400010001' + '0206' + '41040000fde8')
    const all = openWith(caps('010400010001', '41040000fde8'))
    expect(opened(one).capabilities).toEqual(opened(all).capabilities)
  })

  test('[B-CAP-03] of a repeated AS number the first counts', () => {
    expect(opened(openWith(caps('41040000fde8', '41040000fde9'))).asn).toBe(65_000)
  })

  test('[B-CAP-08] tuples have six octets, with a SAFI of two', () => {
    const { capabilities } = opened(openWith(caps('0506000100010002')))
    expect(capabilities).toEqual([{ kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] }])
  })

  test('[B-CAP-09] the restart time has twelve bits, and there may be no families', () => {
    const [capability] = opened(openWith(caps('4002cfff'))).capabilities
    expect(capability).toEqual({
      kind: 'graceful-restart',
      restarting: true,
      notification: true,
      seconds: 4_095,
      families: [],
    })
  })

  test('[B-CAP-10] an add-path mode that nobody knows drops its tuple only', () => {
    const { capabilities } = opened(openWith(caps('4508' + '00010107' + '00020101')))
    expect(capabilities).toEqual([{ kind: 'add-path', tuples: [{ afi: 2, safi: 1, mode: 'receive' }] }])
  })
})

describe('NOTIFICATION', () => {
  test('[B-NOTE-03] X11, and texts of up to 255 octets that are never cut inside a character', () => {
    expect(Buffer.from(encodeMessage(ERRORS.shutdown('node drained: rebooting'), CODEC)).toString('hex')).toBe(
      Buffer.from(vector('x11')).toString('hex'),
    )
    const { data } = ERRORS.shutdown('€'.repeat(100))
    expect(data[0]).toBe(255)
    expect(shutdownMessage(data)).toBe('€'.repeat(85))
    expect(shutdownMessage(ERRORS.reset('é'.repeat(200)).data)).toBe('é'.repeat(127))
  })

  test('[B-NOTE-03] a length that lies, or octets that are no UTF-8, show as hexadecimal', () => {
    expect(shutdownMessage(Uint8Array.of(9, 0x61))).toBe('0961')
    expect(shutdownMessage(Uint8Array.of(1, 0xff))).toBe('01ff')
    expect(shutdownMessage(new Uint8Array(0))).toBe('')
  })

  test('[B-NOTE-04] control characters do not reach a log', () => {
    const data = new ByteWriter().u8(6).bytes(new TextEncoder().encode('a\u001b[2J\n')).finish()
    expect(shutdownMessage(data)).toBe('a\\u{1b}[2J\\u{a}')
  })

  test('[B-NOTE-06] a hard reset wraps another, and is read through', () => {
    const hard = ERRORS.hardReset(ERRORS.shutdown('bye'))
    expect(Buffer.from(hard.data).toString('hex')).toBe('060203627965')
    expect(explainNotification(hard)).toBe('cease, hard reset (6/9): cease, administrative shutdown (6/2): bye')
  })

  test('[B-NOTE-07] BFD has a subcode of its own', () => {
    expect(explainNotification(ERRORS.bfdDown())).toBe('cease, BFD down (6/10)')
  })

  test('data of any kind is taken as it is', () => {
    for (const [code, subcode] of [
      [0, 0],
      [2, 7],
      [6, 9],
      [255, 255],
    ] as const) {
      const message = notification(code, subcode, Uint8Array.of(1))
      expect(decodeMessage(encodeMessage(message, CODEC), CODEC)).toEqual({ ok: true, message })
      expect(explainNotification(message)).toContain(`(${code}/${subcode})`)
    }
  })
})

describe('ROUTE-REFRESH', () => {
  test('X12 and KEEPALIVE', () => {
    const refresh: Message = { type: 'route-refresh', afi: 2, subtype: 0, safi: 1 }
    expect(decodeMessage(vector('x12'), CODEC)).toEqual({ ok: true, message: refresh })
    expect(Buffer.from(encodeMessage(refresh, CODEC))).toEqual(Buffer.from(vector('x12')))
    expect(Buffer.from(encodeMessage(KEEPALIVE, CODEC))).toEqual(Buffer.from(vector('x2')))
  })

  test('[B-RR-03] a mark with a body is 7/1 with the whole message; a request with filters stays a request', () => {
    const mark = hex(`${'ff'.repeat(16)}001805000101` + '0100')
    expect(decodeMessage(mark, CODEC)).toMatchObject({ ok: false, notification: { code: 7, subcode: 1, data: mark } })
    const filtered = hex(`${'ff'.repeat(16)}001805000100` + '0100')
    expect(decodeMessage(filtered, CODEC)).toMatchObject({ ok: true, message: { subtype: 0 } })
  })
})
