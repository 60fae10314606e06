import { describe, expect, test } from 'vitest'
import { scriptedOpen } from '../src/testing/index.ts'
import { KEEPALIVE, type Capability, type Open, type Update } from '../src/wire/index.ts'
import { announcing, PEER_ASN, route, Scene } from './scripted-scene.ts'

const A = '198.51.100.0/24'
const END_OF_RIB: Update = { type: 'update', withdrawn: [], announced: [], attributes: [], issues: [] }

describe('what BFD says of the path', () => {
  test('[F-BGP-01] failed: Cease/BFD down at once, nothing more is told, and the peer is dialled again', () => {
    const scene = new Scene().establish()
    scene.routes(route(A))
    scene.take()
    const dials = scene.peer.dials.length
    scene.speaker.setPath('peer', 'failed')
    expect(scene.take()).toEqual(['N6/10'])
    expect([scene.session.state, scene.session.prefixes.advertised, scene.peer.isClosed]).toEqual(['idle', 0, true])
    expect(scene.session.lastError).toMatchObject({ code: 'notification-sent', because: 'bfd-down' })
    expect(scene.told.some(line => line.startsWith('bgp:closed') && line.includes('BFD says'))).toBe(true)
    scene.advance(20_000)
    expect(scene.peer.dials.length).toBeGreaterThan(dials)
  })

  test('[F-BGP-01] failed while the session opens: the same', () => {
    const scene = new Scene()
    scene.advance(0)
    scene.peer.connect()
    scene.speaker.setPath('peer', 'failed')
    expect([scene.take(), scene.session.state]).toEqual([['open', 'N6/10'], 'idle'])
  })

  test('[F-BGP-02] unknown, because an operator took the watch down: the session stays', () => {
    const scene = new Scene().establish()
    scene.speaker.setPath('peer', 'up')
    scene.take()
    scene.speaker.setPath('peer', 'unknown')
    expect([scene.take(), scene.session.state]).toEqual([[], 'established'])
  })

  test('[F-BGP-03] nothing was ever said: the session is established all the same', () => {
    expect(new Scene().establish().session.state).toBe('established')
  })

  test('up: whoever waits for the next attempt waits no longer', () => {
    const scene = new Scene()
    scene.advance(0)
    for (let i = 0; i < 6; i++) {
      scene.peer.dials.at(-1)!.refuse()
      scene.advance(1_000)
    }
    const dials = scene.peer.dials.length
    scene.speaker.setPath('peer', 'up')
    expect(scene.peer.dials.length).toBe(dials + 1)
    scene.establish()
    scene.speaker.setPath('peer', 'failed')
    scene.speaker.setPath('peer', 'up')
    expect(scene.peer.dials.length).toBe(dials + 2)
  })
})

describe('[F-BGP-04] a path that fails while the peer restarts', () => {
  const restarting = (): Scene => {
    const open = scriptedOpen({ asn: PEER_ASN })
    const offer: Capability = {
      kind: 'graceful-restart',
      restarting: false,
      notification: false,
      seconds: 60,
      families: [{ afi: 1, safi: 1, preserved: true }],
    }
    const scene = new Scene({ hears: true, peer: { restartHelp: {} } })
    scene.establish({ ...open, capabilities: [...open.capabilities, offer] })
    scene.peer.send(announcing(A), END_OF_RIB)
    scene.peer.close()
    expect(scene.heard.splice(0)).toContain(`stale ${A}`)
    return scene
  }

  test('is expected where BFD ends with BGP: the routes stay for it', () => {
    const scene = restarting()
    scene.speaker.setPath('peer', 'failed')
    expect(scene.heard).toEqual([])
    scene.advance(59_000)
    expect(scene.heard).toEqual([])
  })

  test('is the path’s fault where BFD of both outlives BGP: the routes go at once', () => {
    const scene = restarting()
    scene.speaker.setPath('peer', 'failed', { outlivesRestart: true })
    expect(scene.heard).toEqual([`swept ${A}: path-failed`])
  })
})

describe('strict', () => {
  const strictOpen = (): Open => {
    const open = scriptedOpen({ asn: PEER_ASN })
    return { ...open, capabilities: [...open.capabilities, { kind: 'strict-bfd' }] }
  }
  const begun = (open: Open = strictOpen(), more: object = {}): Scene => {
    const scene = new Scene({ peer: { strictBfd: true, ...more } })
    scene.advance(0)
    scene.peer.connect()
    scene.peer.send(open)
    return scene
  }

  test('both want it: no KEEPALIVE before the path is up, and then the session goes on', () => {
    const scene = begun()
    scene.advance(5_000)
    expect([scene.take(), scene.session.state]).toEqual([['open'], 'open-confirm'])
    scene.speaker.setPath('peer', 'up')
    expect(scene.take()).toEqual(['keepalive'])
    scene.peer.send(KEEPALIVE)
    expect(scene.session.state).toBe('established')
  })

  test('the peer’s BFD is up before ours: its KEEPALIVE counts when ours is', () => {
    const scene = begun()
    scene.peer.send(KEEPALIVE)
    expect(scene.session.state).toBe('open-confirm')
    scene.speaker.setPath('peer', 'up')
    expect(scene.session.state).toBe('established')
  })

  test('the path was up before: nothing is waited for', () => {
    const scene = new Scene({ peer: { strictBfd: true } })
    scene.speaker.setPath('peer', 'up')
    expect(scene.establish(strictOpen()).session.state).toBe('established')
  })

  test('a peer that does not offer it is not kept waiting', () => {
    expect(begun(scriptedOpen({ asn: PEER_ASN })).take()).toEqual(['open', 'keepalive'])
  })

  test.each([[90], [0]])('the path does not come up, hold time %i: 6/10, and another attempt', holdSeconds => {
    const scene = begun(strictOpen(), { holdSeconds })
    scene.take()
    scene.advance(90_001)
    expect(scene.take()).toContain('N6/10')
    expect(scene.session.state).not.toBe('established')
  })
})
