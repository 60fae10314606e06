import { address, formatAddress, type Address } from '@metallb-ts/netip'
import { EventBus } from '@metallb-ts/event-bus'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createSpeaker, type BgpEvents } from '../src/index.ts'
import { ScriptedPeer, scriptedOpen } from '../src/testing/index.ts'
import { decodeMessage, encodeMessage, KEEPALIVE, notification, type Message, type Open } from '../src/wire/index.ts'
import { PEER_ASN, route, Scene, THEM, US } from './scripted-scene.ts'

const OPEN = scriptedOpen({ asn: PEER_ASN })

/** Lets time pass until the speaker dials again; how long that took. */
function untilDial(scene: Scene, dials: number): number {
  const from = scene.clock.now()
  for (let ms = 0; ms < 600_000 && scene.peer.dials.length < dials; ms += 100) scene.advance(100)
  return scene.clock.now() - from
}

describe('the way to a session', () => {
  test('[B-FSM-04] the ConnectRetry timer dials again when an attempt came to nothing', () => {
    const scene = new Scene()
    scene.advance(0)
    scene.peer.dials[0]!.refuse()
    expect(scene.session.state).not.toBe('established')
    expect(untilDial(scene, 2)).toBeGreaterThan(500)
    scene.establish()
    expect(scene.session.state).toBe('established')
  })

  test('[B-FSM-05] a connection lost in OpenSent is no session, and another is tried', () => {
    const scene = new Scene()
    scene.peer.connect()
    expect(scene.session.state).toBe('open-sent')
    scene.peer.close()
    expect(['active', 'idle', 'connect']).toContain(scene.session.state)
    untilDial(scene, 2)
    expect(scene.peer.dials).toHaveLength(2)
  })

  test('[B-FSM-06] a valid OPEN is answered by a KEEPALIVE, under the timers agreed on', () => {
    const scene = new Scene({ peer: { holdSeconds: 90 } })
    scene.peer.connect()
    scene.peer.send({ ...OPEN, holdTime: 9 })
    expect(scene.take()).toEqual(['open', 'keepalive'])
    expect(scene.session.state).toBe('open-confirm')
    scene.advance(9_001)
    scene.advance(0)
    expect(scene.take()).toContain('N4/0')
  })

  test('[B-FSM-07] the KEEPALIVE of the peer makes it established', () => {
    const scene = new Scene()
    scene.peer.connect()
    scene.peer.send(OPEN)
    expect(scene.session.state).toBe('open-confirm')
    scene.peer.send(KEEPALIVE)
    expect(scene.session.state).toBe('established')
  })

  test('[B-FSM-09] silence for the hold time ends a session with N(4/0); anything that comes starts it anew', () => {
    const scene = new Scene().establish({ holdTime: 9 })
    for (let i = 0; i < 10; i++) {
      scene.advance(8_000)
      scene.peer.send(KEEPALIVE)
    }
    expect(scene.session.state).toBe('established')
    scene.take()
    scene.advance(9_000)
    scene.advance(10)
    expect(scene.take().at(-1)).toBe('N4/0')
    expect(scene.session.state).not.toBe('established')
  })

  test('[B-FSM-11] a session that the peer ends at once counts: the next attempt waits, and longer each time', () => {
    const scene = new Scene()
    const waits: number[] = []
    for (let i = 1; i <= 5; i++) {
      scene.establish()
      scene.peer.send(notification(6, 4))
      waits.push(untilDial(scene, i + 1))
    }
    expect(waits[0]).toBeGreaterThan(0)
    expect(waits.at(-1)!).toBeGreaterThan(waits[0]!)
    expect(scene.session.counters.ended).toBe(5)
  })

  test.each([
    [
      'a broken marker',
      'N1/1',
      (): Uint8Array => encodeMessage(KEEPALIVE, CODEC).map((octet, i) => (i === 0 ? 0 : octet)),
    ],
    ['a length that cannot be', 'N1/2', (): Uint8Array => withLength(encodeMessage(KEEPALIVE, CODEC), 18)],
    [
      'a type that nobody knows',
      'N1/3',
      (): Uint8Array => encodeMessage(KEEPALIVE, CODEC).map((o, i) => (i === 18 ? 99 : o)),
    ],
  ] as const)('[B-FSM-16] %s ends OpenSent, OpenConfirm and Established alike', (_, answer, bytes) => {
    for (const state of ['open-sent', 'open-confirm', 'established'] as const) {
      const scene = new Scene()
      scene.peer.connect()
      if (state !== 'open-sent') scene.peer.send(OPEN)
      if (state === 'established') scene.peer.send(KEEPALIVE)
      expect(scene.session.state).toBe(state)
      scene.take()
      scene.peer.sendBytes(bytes())
      expect(scene.take().at(-1)).toBe(answer)
      expect(scene.peer.isClosed).toBe(true)
    }
  })

  test('[B-NOTE-02] a NOTIFICATION of ours is the last message, and whole', () => {
    const scene = new Scene().establish()
    scene.take()
    scene.peer.frames.length = 0
    scene.peer.sendBytes(withLength(encodeMessage(KEEPALIVE, CODEC), 18))
    scene.routes(route('10.0.0.0/24'))
    scene.advance(60_000)
    expect(scene.peer.frames).toHaveLength(1)
    const decoded = decodeMessage(scene.peer.frames[0]!, CODEC)
    expect(decoded).toMatchObject({ ok: true, message: { type: 'notification', code: 1, subcode: 2 } })
  })

  test('[B-FSM-17] leaving Established forgets what the peer announced', () => {
    const changes: string[] = []
    const { scene, speaker } = listening(change => changes.push(change))
    scene.peer.connect()
    scene.peer.greet({ asn: PEER_ASN })
    scene.clock.advance(0)
    scene.peer.send({
      type: 'update',
      withdrawn: [],
      announced: [{ address: address('198.51.100.0'), length: 24 }],
      issues: [],
      attributes: [
        { kind: 'origin', value: 'igp' },
        { kind: 'as-path', segments: [{ type: 'sequence', asns: [PEER_ASN] }] },
        { kind: 'next-hop', address: THEM },
      ],
    } as Message)
    expect(speaker.peers.get('peer')!.receivedCount).toBe(1)
    scene.peer.close()
    expect(speaker.peers.get('peer')!.receivedCount).toBe(0)
    expect(changes).toEqual(['routes', 'session-ended'])
  })

  test('[B-FSM-18] [B-TRN-07] Idle ignores what comes late: callbacks of a peer that was removed do nothing', async () => {
    const scene = new Scene().establish()
    const dial = scene.peer.dials[0]!
    const removed = scene.speaker.removePeer('peer')
    scene.advance(5_000)
    await removed
    const told = scene.told.length
    scene.peer.send(KEEPALIVE, OPEN)
    dial.connect()
    dial.refuse()
    scene.peer.drain()
    scene.advance(600_000)
    expect(scene.told).toHaveLength(told)
    expect(scene.peer.dials).toHaveLength(1)
    expect(scene.clock.pending).toBe(0)
  })

  test('[B-TIM-08] a flood of KEEPALIVEs costs one timer, and nothing is said to it', () => {
    const scene = new Scene().establish()
    scene.take()
    const before = scene.clock.pending
    for (let i = 0; i < 10_000; i++) scene.peer.send(KEEPALIVE)
    expect(scene.clock.pending).toBe(before)
    expect(scene.take()).toEqual([])
  })

  test('[B-TIM-05] what the wall clock says means nothing', () => {
    const dialled = [0, Date.UTC(2040, 0, 1)].map(epoch => {
      const clock = new SimClock(epoch)
      const peer = new ScriptedPeer(THEM, US)
      const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
      const components = { clock, random: new SimRandom(7), transport: peer.transport, events }
      createSpeaker(components, { asn: 1, routerId: US }).addPeer({ name: 'p', remote: THEM, peerAsn: 2 })
      const at: number[] = []
      for (let ms = 0; ms < 300_000; ms += 100) {
        clock.advance(100)
        if (peer.dials.length > at.length) {
          at.push(clock.now())
          peer.dials.at(-1)!.refuse()
        }
      }
      return at
    })
    expect(dialled[0]!.length).toBeGreaterThan(3)
    expect(dialled[0]).toEqual(dialled[1])
  })

  test('[B-CAP-11] a peer that refuses a capability is tried again without it, where that is allowed', () => {
    const offered = (capabilityFallback: boolean): boolean[] => {
      const scene = new Scene({ peer: { gracefulRestart: { seconds: 120 }, capabilityFallback } })
      return [1, 2].map(attempt => {
        untilDial(scene, attempt)
        scene.peer.connect()
        const [open] = scene.peer.take()
        const restart = (open as Open).capabilities.some(({ kind }) => kind === 'graceful-restart')
        scene.peer.send(notification(2, 7, Uint8Array.of(64, 2, 0, 120)))
        scene.peer.close()
        return restart
      })
    }
    expect(offered(true)).toEqual([true, false])
    expect(offered(false)).toEqual([true, true])
  })

  test('[B-TRN-03] another key redials', () => {
    const scene = new Scene({ peer: { password: 'old' } }).establish()
    const { init } = scene.session
    expect(scene.speaker.updatePeer('peer', { ...init, password: 'new' })).toMatchObject({ kind: 'reset' })
    untilDial(scene, 2)
    expect(scene.peer.dials.map(({ options }) => options.password)).toEqual(['old', 'new'])
    expect(scene.speaker.updatePeer('peer', { ...init, password: 'new' })).toMatchObject({ kind: 'none' })
  })

  test('[B-TRN-08] a link-local peer is dialled with its interface', () => {
    const remote = address('fe80::2')
    const scene = new Scene({ remote, local: address('fe80::1'), peer: { interface: 'eth7' } })
    scene.advance(0)
    expect(scene.peer.dials[0]!.options).toMatchObject({ remote, interface: 'eth7' })
  })
})

describe('unnumbered peers', () => {
  test('[B-UNN-01] [B-UNN-02] are dialled where they were found, and anew when they are found elsewhere', () => {
    const clock = new SimClock()
    const peer = new ScriptedPeer(address('fe80::2'), address('fe80::1'))
    const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
    let found: (address: Address) => void = () => {}
    const watched: string[] = []
    const discovery = {
      watch: (name: string, onNeighbor: (address: Address) => void) => {
        watched.push(name)
        found = onNeighbor
        return { stop: () => void watched.push(`not ${name}`) }
      },
    }
    const components = { clock, random: new SimRandom(1), transport: peer.transport, events, discovery }
    const speaker = createSpeaker(components, { asn: 64_512, routerId: US })
    speaker.addPeer({ name: 'peer', interface: 'eth0', peerAsn: 'external' })
    clock.advance(10_000)
    expect([watched, peer.dials.length]).toEqual([['eth0'], 0])
    const dialled = (): string[] => peer.dials.map(({ options }) => formatAddress(options.remote))
    found(address('fe80::2'))
    clock.advance(0)
    expect(dialled()).toEqual(['fe80::2'])
    peer.connect()
    peer.greet({ asn: PEER_ASN })
    clock.advance(0)
    expect(speaker.peers.get('peer')!.state).toBe('established')
    found(address('fe80::2'))
    clock.advance(1_000)
    expect(speaker.peers.get('peer')!.state).toBe('established')
    found(address('fe80::3'))
    clock.advance(3_000)
    expect(dialled()).toEqual(['fe80::2', 'fe80::3'])
    void speaker.removePeer('peer')
    expect(watched).toEqual(['eth0', 'not eth0'])
  })
})

describe('two connections', () => {
  test('[B-COL-07] a stranger is refused before anything of it is read, and a peer has one connection to us', async () => {
    const { scene, speaker } = listening()
    await speaker.listen()
    const stranger = new ScriptedPeer(address('203.0.113.9'), US)
    expect(stranger.dialIn()).toBe(false)
    expect(scene.peer.dialIn()).toBe(true)
    expect(scene.peer.dialIn()).toBe(false)
    expect(scene.peer.take()).toMatchObject([{ type: 'notification', code: 6, subcode: 5 }])
  })

  test('[B-COL-06] a dial that fails beside a connection that lives is no failure', async () => {
    const { scene, speaker } = listening()
    await speaker.listen()
    scene.clock.advance(0)
    scene.peer.dialIn()
    scene.peer.greet({ asn: PEER_ASN })
    scene.clock.advance(0)
    expect(speaker.peers.get('peer')!.state).toBe('established')
    scene.peer.dials[0]!.refuse('no route to host')
    scene.clock.advance(60_000)
    expect(speaker.peers.get('peer')!.state).toBe('established')
    expect(speaker.peers.get('peer')!.counters.established).toBe(1)
  })
})

const CODEC = { fourOctetAs: true, internal: false }

function withLength(bytes: Uint8Array, length: number): Uint8Array {
  const copy = bytes.slice()
  new DataView(copy.buffer).setUint16(16, length)
  return copy
}

/** A speaker that hears what its peer announces, and takes connections. */
function listening(onReceived: (type: string) => void = () => {}): {
  readonly scene: { readonly clock: SimClock; readonly peer: ScriptedPeer }
  readonly speaker: ReturnType<typeof createSpeaker>
} {
  const clock = new SimClock()
  const peer = new ScriptedPeer(THEM, US)
  const events = new EventBus<BgpEvents>({ now: () => clock.now(), onHandlerError: console.error })
  const speaker = createSpeaker(
    {
      clock,
      random: new SimRandom(1),
      transport: peer.transport,
      events,
      onReceived: (_, { type }) => onReceived(type),
    },
    { asn: 64_512, routerId: US },
  )
  speaker.addPeer({ name: 'peer', remote: THEM, peerAsn: PEER_ASN })
  return { scene: { clock, peer }, speaker }
}
