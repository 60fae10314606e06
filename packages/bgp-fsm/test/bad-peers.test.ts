import { describe, expect, test } from 'vitest'
import { linkBandwidth } from '../src/index.ts'
import { scriptedOpen } from '../src/testing/index.ts'
import { encodeMessage, KEEPALIVE, notification, type Message } from '../src/wire/index.ts'
import { announcing, PEER_ASN, Scene } from './scripted-scene.ts'

const CODEC = { fourOctetAs: true, internal: false }
const bytesOf = (...messages: readonly Message[]): Uint8Array =>
  Buffer.concat(messages.map(message => encodeMessage(message, CODEC)))

describe('a peer', () => {
  test('[B-FSM-09] that takes the connection and says nothing is given up after four minutes', () => {
    const scene = new Scene()
    scene.advance(0)
    scene.peer.connect()
    scene.advance(239_000)
    expect(scene.take()).toEqual(['open'])
    scene.advance(2_000)
    expect(scene.take()).toEqual(['N4/0'])
    expect(scene.peer.isClosed).toBe(true)
  })

  test('[B-FSM-09] that trickles an octet a second is given up after the hold time: half a message is none', () => {
    const scene = new Scene({ peer: { holdSeconds: 9 } }).establish()
    scene.take()
    const bytes = bytesOf(announcing('198.51.100.0/24'))
    for (let at = 0; at < 10 && !scene.peer.isClosed; at++) {
      scene.peer.sendBytes(bytes.subarray(at, at + 1))
      scene.advance(1_000)
    }
    expect(scene.take().at(-1)).toBe('N4/0')
  })

  test('that trickles, but in time, is heard', () => {
    const scene = new Scene({ peer: { holdSeconds: 30 } }).establish()
    const bytes = bytesOf(KEEPALIVE, announcing('198.51.100.0/24'), KEEPALIVE)
    for (const octet of bytes) {
      scene.peer.sendBytes(Uint8Array.of(octet))
      scene.advance(400)
    }
    expect(scene.session.state).toBe('established')
    expect(scene.session.receivedCount).toBe(1)
  })

  test('that closes in the middle of a message loses nothing but the session', () => {
    const scene = new Scene().establish()
    scene.peer.sendBytes(bytesOf(announcing('198.51.100.0/24')).subarray(0, 30))
    scene.peer.close()
    expect(scene.session.lastError).toMatchObject({ code: 'connection-lost' })
    scene.advance(1_000)
    expect(scene.peer.dials).toHaveLength(2)
    scene.establish()
    expect(scene.session.state).toBe('established')
    expect(scene.session.receivedCount).toBe(0)
  })

  test('[B-RIB-10] that floods UPDATEs costs their counting, and KEEPALIVEs go out on time', () => {
    const scene = new Scene({ peer: { holdSeconds: 9 } }).establish()
    scene.take()
    const flood = Buffer.concat(
      Array.from({ length: 20_000 }, (_, i) => bytesOf(announcing(`10.${i >> 8}.${i & 255}.0/24`))),
    )
    for (let at = 0; at < flood.length; at += 65_536) {
      scene.peer.sendBytes(flood.subarray(at, at + 65_536))
      scene.advance(100)
    }
    expect(scene.session.receivedCount).toBe(20_000)
    scene.advance(3_000)
    expect(scene.take().filter(said => said === 'keepalive').length).toBeGreaterThanOrEqual(1)
    expect(scene.session.state).toBe('established')
  })

  test('that announces more than it may is left with 6/1, family and limit in it, and in peace for minutes', () => {
    const scene = new Scene({ peer: { maxPrefixes: 2 } }).establish()
    scene.take()
    scene.peer.send(announcing('198.51.100.0/24', '198.51.101.0/24'))
    expect(scene.session.state).toBe('established')
    scene.peer.send(announcing('198.51.102.0/24'))
    expect(scene.peer.take().at(-1)).toMatchObject({ code: 6, subcode: 1, data: Uint8Array.of(0, 1, 1, 0, 0, 0, 2) })
    expect(scene.session.lastErrors.sent).toMatchObject({ because: 'too-many-prefixes' })
  })

  test('whose last words are kept beside ours', () => {
    const scene = new Scene().establish()
    scene.peer.send(notification(6, 4))
    scene.advance(1_000)
    scene.establish()
    scene.session.reset()
    const { sent, received } = scene.session.lastErrors
    expect([sent?.code, received?.code]).toEqual(['notification-sent', 'notification-received'])
  })

  test.each([
    [true, [1, 1, 2, 4, 8]],
    [false, [1, 1, 1, 1, 1]],
  ])(
    '[B-FSM-19] that always says no, with dampPeerOscillations %s: seconds between starts at most %j',
    (damps, most) => {
      const scene = new Scene({ peer: { dampPeerOscillations: damps, capabilityFallback: false } })
      scene.advance(0)
      const gaps = most.map((_, i) => {
        scene.peer.connect()
        scene.peer.send(scriptedOpen({ asn: PEER_ASN, holdTime: 1 }))
        const before = scene.clock.now()
        while (scene.peer.dials.length < i + 2) scene.advance(50)
        return (scene.clock.now() - before) / 1_000
      })
      for (const [i, gap] of gaps.entries()) {
        expect(gap).toBeLessThanOrEqual(most[i]! + 0.05)
        expect(gap).toBeGreaterThanOrEqual(most[i]! * 0.75 - 0.05)
      }
    },
  )
})

test('a link bandwidth is a community of octets per second, and of our AS where it fits', () => {
  expect(linkBandwidth(64_512, 1.25e9)).toBe(0x4004_fc00_4e95_02f9n)
  expect(linkBandwidth(4_200_000_010, 1.25e9)).toBe(0x4004_5ba0_4e95_02f9n)
})
