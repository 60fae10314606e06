import { describe, expect, test } from 'vitest'
import type { PeerInit, RestartHelp } from '../src/index.ts'
import { stepRetention, type RetentionInput, type RetentionState } from '../src/retention.ts'
import { WELL_KNOWN_COMMUNITIES } from '../src/route.ts'
import { scriptedOpen } from '../src/testing/index.ts'
import { ERRORS, notification, type Capability, type Open, type Update } from '../src/wire/index.ts'
import { announcing, PEER_ASN, route, Scene } from './scripted-scene.ts'

const A = '198.51.100.0/24'
const B = '203.0.113.0/24'
const C = '2001:db8:100::/48'
const END_OF_RIB: Update = { type: 'update', withdrawn: [], announced: [], attributes: [], issues: [] }

interface Offer {
  readonly seconds?: number
  readonly notification?: boolean
  readonly families?: readonly (1 | 2)[]
  readonly forwards?: boolean
  readonly longLivedSeconds?: number
}

/** The OPEN of a peer that restarts. */
function offering(offer: Offer | 'nothing' = {}): Open {
  const open = scriptedOpen({ asn: PEER_ASN })
  if (offer === 'nothing') return open
  const { seconds = 60, notification: bridges = false, families = [1, 2], forwards = true, longLivedSeconds } = offer
  const tuples = families.map(afi => ({ afi, safi: 1, preserved: forwards }))
  const more: Capability[] = [
    { kind: 'graceful-restart', restarting: false, notification: bridges, seconds, families: tuples },
  ]
  if (longLivedSeconds !== undefined) {
    const kept = tuples.map(tuple => ({ ...tuple, staleSeconds: longLivedSeconds }))
    more.push({ kind: 'long-lived-graceful-restart', families: kept })
  }
  return { ...open, capabilities: [...open.capabilities, ...more] }
}

/** A session on which the peer has announced A, B and C. */
function announced(offer?: Offer, help: RestartHelp = {}, more: Partial<PeerInit> = {}): Scene {
  const scene = new Scene({ hears: true, peer: { restartHelp: help, ...more } }).establish(offering(offer))
  scene.peer.send(announcing(A, B), announcing(C), END_OF_RIB)
  expect(scene.heard.splice(0)).toEqual([`+${A} +${B}`, `+${C}`, 'EoR ipv4'])
  return scene
}

/** The peer is back, after as short a time as it can be. */
function back(scene: Scene, offer?: Offer | 'nothing'): void {
  const { length } = scene.peer.dials
  for (let ms = 0; ms < 20_000 && scene.peer.dials.length === length; ms += 100) scene.advance(100)
  scene.establish(offering(offer))
}

describe('a peer that restarts', () => {
  test('[B-GR-05] keeps its routes as stale, until it has told everything again', () => {
    const scene = announced()
    scene.peer.close()
    expect(scene.heard.splice(0)).toEqual([`stale ${A} ${B}`, `stale ${C}`])
    back(scene)
    expect(scene.heard).toEqual([])
    scene.peer.send(announcing(A), END_OF_RIB)
    expect(scene.heard.splice(0)).toEqual([`+${A}`, 'EoR ipv4', `swept ${B}: announced-anew`])
    scene.advance(60_000)
    scene.peer.send({ type: 'keepalive' })
    expect(scene.heard).toEqual([]) // its IPv6 End-of-RIB is still to come
    for (let s = 0; s < 300; s += 20) {
      scene.advance(20_000)
      scene.peer.send({ type: 'keepalive' })
    }
    expect(scene.heard).toEqual([`swept ${C}: no-end-of-rib`])
  })

  test('[B-GR-05] and no longer than its restart time', () => {
    const scene = announced({ seconds: 60 })
    scene.peer.close()
    scene.heard.length = 0
    scene.advance(59_000)
    expect(scene.heard).toEqual([])
    scene.advance(1_001)
    expect(scene.heard).toEqual([`swept ${A} ${B}: not-back-in-time`, `swept ${C}: not-back-in-time`])
  })

  test('[B-GR-05] nor longer than we wait for anybody', () => {
    const scene = announced({ seconds: 4_000 }, { longestSeconds: 5 })
    scene.peer.close()
    scene.heard.length = 0
    scene.advance(5_001)
    expect(scene.heard).toHaveLength(2)
  })

  test.each<[string, Offer | 'nothing', string[]]>([
    ['without the capability', 'nothing', [A, C]],
    ['without one family', { families: [1] }, [C]],
    ['having forwarded nothing meanwhile', { forwards: false }, [A, C]],
  ])('[B-GR-05] a peer that comes back %s loses what that costs at once', (_name, offer, lost) => {
    const scene = announced()
    scene.peer.close()
    scene.heard.length = 0
    back(scene, offer)
    const names = lost.map(one => (one === A ? `${A} ${B}` : one))
    expect(scene.heard).toEqual(names.map(name => `swept ${name}: forwarding-stopped`))
  })

  test('[B-GR-06] a second restart takes what was stale already; what was told in between is kept', () => {
    const scene = announced()
    scene.peer.close()
    back(scene)
    scene.peer.send(announcing(A))
    scene.heard.length = 0
    scene.peer.close()
    expect(scene.heard).toEqual([`swept ${B}: restarted-twice`, `stale ${A}`, `swept ${C}: restarted-twice`])
  })

  test('[B-GR-08] a hard reset drops everything; any other NOTIFICATION is bridged where both said so', () => {
    const heardAfter = (offer: Offer, code: number, subcode: number): readonly string[] => {
      const scene = announced(offer)
      scene.peer.send(notification(code, subcode, Uint8Array.of(6, 2)))
      return scene.heard
    }
    const dropped = [`swept ${A} ${B}: session-ended`, `swept ${C}: session-ended`, 'ended']
    expect(heardAfter({ notification: true }, 6, 9)).toEqual(dropped)
    expect(heardAfter({ notification: true }, 6, 4)).toEqual([`stale ${A} ${B}`, `stale ${C}`])
    expect(heardAfter({ notification: false }, 6, 4)).toEqual(dropped)
  })

  test('[B-GR-08] a hold time that runs out is bridged where both said so', () => {
    for (const bridges of [true, false]) {
      const scene = announced({ notification: bridges })
      scene.advance(90_010)
      expect(scene.heard[0]).toBe(`${bridges ? 'stale' : 'swept'} ${A} ${B}${bridges ? '' : ': session-ended'}`)
    }
  })

  test('a peer that never offered it loses everything with its session', () => {
    const scene = new Scene({ hears: true, peer: { restartHelp: {} } }).establish()
    scene.peer.send(announcing(A))
    scene.heard.length = 0
    scene.peer.close()
    expect(scene.heard).toEqual([`swept ${A}: session-ended`, 'ended'])
  })

  test('of a peer with more prefixes than are kept nothing is kept', () => {
    const scene = new Scene({ hears: true, peer: { restartHelp: { mostPrefixes: 1 } } }).establish(offering())
    scene.peer.send(announcing(A, B))
    scene.heard.length = 0
    scene.peer.close()
    expect(scene.heard).toEqual([`swept ${A}: session-ended`, 'ended'])
  })

  test('a peer that is removed while it is away leaves nothing behind, not even a timer', async () => {
    const scene = announced()
    scene.peer.close()
    scene.heard.length = 0
    const removed = scene.speaker.removePeer('peer')
    scene.advance(1_000)
    await removed
    expect(scene.heard).toEqual([`swept ${A} ${B}: session-ended`, `swept ${C}: session-ended`])
    expect(scene.clock.pending).toBe(0)
  })

  test('who helps without restarting gracefully itself offers the capability without families', () => {
    const offered = (peer: Partial<PeerInit>): readonly Capability[] => {
      const scene = new Scene({ peer })
      scene.peer.connect()
      const [open] = scene.peer.take()
      return (open as Open).capabilities.filter(({ kind }) => kind.endsWith('graceful-restart'))
    }
    expect(offered({ restartHelp: { longLivedSeconds: 60 } })).toEqual([
      { kind: 'graceful-restart', restarting: false, notification: true, seconds: 0, families: [] },
      { kind: 'long-lived-graceful-restart', families: [] },
    ])
    expect(offered({ restartHelp: {} })).toHaveLength(1)
    expect(offered({})).toEqual([])
  })
})

describe('a peer that stays away (RFC 9494)', () => {
  const HELP = { longLivedSeconds: 600 }

  test('its routes serve as a last resort, those that refuse it apart, and go in the end', () => {
    const scene = announced({ seconds: 10, longLivedSeconds: 300 }, HELP)
    const [first, ...others] = announcing(B).attributes
    const communities = { kind: 'communities', values: [WELL_KNOWN_COMMUNITIES['no-llgr']] } as const
    scene.peer.send({ ...announcing(B), attributes: [first!, ...others, communities] })
    scene.peer.close()
    scene.heard.length = 0
    scene.advance(10_001)
    expect(scene.heard.splice(0)).toEqual([
      `swept ${B}: not-back-in-time`,
      `long-lived-stale ${A}`,
      `long-lived-stale ${C}`,
    ])
    scene.advance(299_000)
    expect(scene.heard).toEqual([])
    scene.advance(1_001)
    expect(scene.heard).toEqual([`swept ${A}: not-back-in-time`, `swept ${C}: not-back-in-time`])
  })

  test('at most as long as we help, and not at all unless both offer it', () => {
    const goneAfter = (offer: Offer, help: RestartHelp): number => {
      const scene = announced({ seconds: 10, ...offer }, help)
      scene.peer.close()
      const from = scene.clock.now()
      for (let s = 0; s < 1_000 && !scene.heard.some(text => text.startsWith('swept')); s++) scene.advance(1_000)
      return Math.round((scene.clock.now() - from) / 1_000)
    }
    expect(goneAfter({ longLivedSeconds: 5_000 }, HELP)).toBe(610)
    expect(goneAfter({ longLivedSeconds: 5_000 }, {})).toBe(10)
    expect(goneAfter({}, HELP)).toBe(10)
  })

  test('the session that follows takes over where it is', () => {
    const scene = announced({ seconds: 1, longLivedSeconds: 300 }, HELP, { connectSeconds: 1 })
    scene.peer.close()
    scene.advance(1_001)
    scene.heard.length = 0
    scene.establish(offering({ longLivedSeconds: 300 }))
    scene.peer.send(announcing(B), END_OF_RIB)
    expect(scene.heard).toEqual([`+${B}`, 'EoR ipv4', `swept ${A}: announced-anew`])
  })

  test('a route that we mark as a last resort is told to those who know the mark only', () => {
    const routes = [route(A, { communities: [WELL_KNOWN_COMMUNITIES['llgr-stale']] }), route(B)]
    const told = (offer: Offer): readonly string[] => {
      const scene = new Scene({ peer: { gracefulRestart: { seconds: 60, longLivedSeconds: 600 } } })
      scene.routes(...routes)
      scene.establish(offering(offer))
      expect(scene.session.pending()).toEqual(
        offer.longLivedSeconds === undefined ? [{ key: A, reason: 'no-long-lived-restart' }] : [],
      )
      return scene.take().filter(text => text.startsWith('+'))
    }
    expect(told({ longLivedSeconds: 300 })).toEqual([`+${A}`, `+${B}`])
    expect(told({})).toEqual([`+${B}`])
  })
})

describe('[B-GR-05] one family of routes, every state and event', () => {
  const STATES = {
    fresh: { name: 'fresh' },
    away: { name: 'away', longLivedSeconds: 0 },
    'away+': { name: 'away', longLivedSeconds: 60 },
    'long-lived': { name: 'long-lived' },
    resuming: { name: 'resuming' },
  } as const satisfies Record<string, RetentionState>
  const terms = (restartSeconds: number, longLivedSeconds = 0): RetentionInput => ({
    type: 'lost',
    terms: { restartSeconds, longLivedSeconds, isForwarding: true },
  })
  const expired = (timer: 'restart' | 'long-lived' | 'stale'): RetentionInput => ({ type: 'expired', timer })

  function said(state: RetentionState, input: RetentionInput): string {
    const answer = stepRetention({ staleSeconds: 360 }, state, input)
    const words = answer.effects.flatMap(effect => {
      if (effect.type === 'start-timer') return [`+${effect.timer}`]
      if (effect.type === 'sweep') return [`sweep:${effect.because}`]
      return effect.type === 'stop-timer' ? [] : [effect.type]
    })
    return [...words, ...(answer.state === state ? [] : [`-> ${answer.state.name}`])].join(' ') || '.'
  }

  /** fresh, away, away with long life to come, long-lived, resuming. */
  const TABLE: readonly (readonly [string, RetentionInput, readonly string[]])[] = [
    ['lost', terms(60), ['mark-stale +restart -> away', '.', '.', '.', 'sweep:restarted-twice mark-stale +restart -> away']],
    ['lost, no restart time', terms(0, 9), ['mark-stale mark-long-lived +long-lived -> long-lived', '.', '.', '.', 'sweep:restarted-twice mark-stale mark-long-lived +long-lived -> long-lived']],
    ['lost, no time at all', terms(0), ['drop -> fresh', '.', '.', '.', 'drop -> fresh']],
    ['lost for good', { type: 'lost', terms: undefined }, ['drop -> fresh', '.', '.', '.', 'drop -> fresh']],
    ['back', { type: 'established', isKept: true }, ['.', '+stale -> resuming', '+stale -> resuming', '+stale -> resuming', '.']],
    ['back without it', { type: 'established', isKept: false }, ['.', 'sweep:forwarding-stopped -> fresh', 'sweep:forwarding-stopped -> fresh', 'sweep:forwarding-stopped -> fresh', '.']],
    ['end of RIB', { type: 'end-of-rib' }, ['.', '.', '.', '.', 'sweep:announced-anew -> fresh']],
    ['restart timer', expired('restart'), ['.', 'sweep:not-back-in-time -> fresh', 'mark-long-lived +long-lived -> long-lived', 'sweep:not-back-in-time -> fresh', 'sweep:no-end-of-rib -> fresh']],
    ['long-lived timer', expired('long-lived'), ['.', 'sweep:not-back-in-time -> fresh', 'sweep:not-back-in-time -> fresh', 'sweep:not-back-in-time -> fresh', 'sweep:no-end-of-rib -> fresh']],
    ['stale timer', expired('stale'), ['.', 'sweep:not-back-in-time -> fresh', 'sweep:not-back-in-time -> fresh', 'sweep:not-back-in-time -> fresh', 'sweep:no-end-of-rib -> fresh']],
  ] // prettier-ignore

  test.each(TABLE)('%s', (_name, input, cells) => {
    expect(Object.values(STATES).map(state => said(state, input))).toEqual(cells)
  })
})

test('[B-GR-04] a plain shutdown of ours is wrapped into a hard reset for who would bridge it', () => {
  const scene = new Scene({ peer: { restartHelp: {} } }).establish(offering({ notification: true }))
  scene.take()
  void scene.speaker.removePeer('peer')
  const [last] = scene.peer.take()
  expect(last).toEqual(ERRORS.hardReset(ERRORS.peerRemoved()))
})
