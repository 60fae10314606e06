import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { scriptedOpen } from '@metallb-ts/bgp-fsm/testing'
import { negotiate, localOpen, type LocalSession, type Negotiated } from '../src/negotiate.ts'
import type { SessionInput, SessionSettings, SessionState } from '../src/session-state.ts'
import { stepSession } from '../src/session.ts'
import { ERRORS, KEEPALIVE, notification, unicast, type Capability, type Open } from '../src/wire/index.ts'

const SETTINGS: SessionSettings = {
  asn: 64_512,
  routerId: 0xc000020a,
  holdSeconds: 90,
  peerAsn: 64_500,
  families: ['ipv4', 'ipv6'],
  isPassive: false,
  dialMs: 10_000,
  retryMs: 120_000,
}
const PASSIVE = { ...SETTINGS, isPassive: true }
const DELAYING = { ...SETTINGS, delayOpenMs: 5_000 }

const OPEN = scriptedOpen({ asn: 64_500 })
const agreed = (local: LocalSession = SETTINGS, open: Open = OPEN): Negotiated => {
  const negotiation = negotiate(local, open)
  if (!negotiation.ok) throw new Error(negotiation.because)
  return negotiation.negotiated
}

const STATES = {
  idle: { name: 'idle' },
  connect: { name: 'connect', attempt: 0, delaysOpen: false },
  active: { name: 'active', attempt: 0, delaysOpen: false },
  'connect+': { name: 'connect', attempt: 0, delaysOpen: true },
  'active+': { name: 'active', attempt: 0, delaysOpen: true },
  'open-sent': { name: 'open-sent', attempt: 0 },
  'open-confirm': { name: 'open-confirm', negotiated: agreed() },
  established: { name: 'established', negotiated: agreed() },
} as const satisfies Record<string, SessionState>

const update = { type: 'update', withdrawn: [], attributes: [], announced: [], issues: [] } as const
const stop = (isManual: boolean): SessionInput => ({
  type: 'stop',
  isManual,
  notification: ERRORS.shutdown(),
  because: 'administrative',
})
const expired = (timer: (SessionInput & { type: 'expired' })['timer']): SessionInput => ({ type: 'expired', timer })
const message = (one: (SessionInput & { type: 'message' })['message']): SessionInput => ({
  type: 'message',
  message: one,
})
const malformed = (code: number, subcode: number): SessionInput => ({
  type: 'malformed',
  notification: notification(code, subcode),
})

/** What a step does, in the words of the table: messages sent, what is dialled, closed, told, and where it leads. */
function said(settings: SessionSettings, state: SessionState, input: SessionInput): string {
  const answer = stepSession(settings, state, input)
  const words = answer.effects.flatMap(effect => {
    switch (effect.type) {
      case 'send':
        return effect.message.type === 'notification'
          ? [`N${effect.message.code}/${effect.message.subcode}`]
          : [effect.message.type]
      case 'start-timer':
        return [`+${effect.timer}`]
      case 'ended':
        return [
          effect.counts === 'to-zero' ? 'STOP' : effect.counts === 'up' ? (effect.isDamped ? 'FAIL' : 'fail') : 'LEAVE',
        ]
      case 'dial':
      case 'update':
      case 'refresh':
      case 'established':
        return [effect.type]
      case 'close':
        return answer.state.name === 'idle' && state.name !== 'idle' ? [] : ['close']
      default:
        return []
    }
  })
  const isSame = answer.state === state
  return [...words, ...(isSame ? [] : [`-> ${answer.state.name}`])].join(' ') || '.'
}

type Row = readonly [string, SessionInput, readonly [string, string, string, string, string, string]]

/** Idle, Connect, Active, OpenSent, OpenConfirm, Established. */
const TABLE: readonly Row[] = [
  ['1, 3, 6 start', { type: 'start' }, ['+connect-retry dial -> connect', '.', '.', '.', '.', '.']],
  ['2 ManualStop', stop(true), ['.', 'STOP -> idle', 'STOP -> idle', 'N6/2 STOP -> idle', 'N6/2 STOP -> idle', 'N6/2 STOP -> idle']],
  ['8 AutomaticStop', stop(false), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N6/2 FAIL -> idle', 'N6/2 FAIL -> idle', 'N6/2 FAIL -> idle']],
  ['9 ConnectRetryTimer', expired('connect-retry'), ['.', '+connect-retry dial -> connect', '+connect-retry dial -> connect', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle']],
  ['10 HoldTimer', expired('hold'), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N4/0 FAIL -> idle', 'N4/0 FAIL -> idle', 'N4/0 FAIL -> idle']],
  ['11 KeepaliveTimer', expired('keepalive'), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N5/0 FAIL -> idle', 'keepalive +keepalive', 'keepalive +keepalive']],
  ['12 DelayOpenTimer', expired('delay-open'), ['.', 'open +hold-due -> open-sent', 'open +hold-due -> open-sent', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle']],
  ['13 IdleHoldTimer', expired('idle-hold'), ['+connect-retry dial -> connect', 'FAIL -> idle', 'FAIL -> idle', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle', 'N5/0 FAIL -> idle']],
  ['16, 17 connected', { type: 'connected' }, ['close', 'open +hold-due -> open-sent', 'open +hold-due -> open-sent', '.', '.', '.']],
  ['18 TcpConnectionFails', { type: 'tcp-failed', detail: 'reset' }, ['.', 'close +connect-retry -> active', 'FAIL -> idle', 'close +connect-retry -> active', 'FAIL -> idle', 'fail -> idle']],
  ['19 BGPOpen', message(OPEN), ['.', 'FAIL -> idle', 'FAIL -> idle', 'keepalive +hold-due +keepalive -> open-confirm', 'N5/2 FAIL -> idle', 'N5/3 FAIL -> idle']],
  ['21 BGPHeaderErr', malformed(1, 2), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N1/2 FAIL -> idle', 'N1/2 FAIL -> idle', 'N1/2 FAIL -> idle']],
  ['22 BGPOpenMsgErr', malformed(2, 4), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N2/4 FAIL -> idle', 'N2/4 FAIL -> idle', 'N5/3 FAIL -> idle']],
  ['23 OpenCollisionDump', { type: 'collision-lost' }, ['.', 'FAIL -> idle', 'FAIL -> idle', 'N6/7 FAIL -> idle', 'N6/7 FAIL -> idle', 'N6/7 FAIL -> idle']],
  ['24 NotifMsgVerErr', message(notification(2, 1)), ['.', 'FAIL -> idle', 'FAIL -> idle', 'LEAVE -> idle', 'LEAVE -> idle', 'LEAVE -> idle']],
  ['25 NotifMsg', message(notification(6, 4)), ['.', 'FAIL -> idle', 'FAIL -> idle', 'FAIL -> idle', 'FAIL -> idle', 'fail -> idle']],
  ['26 KeepAliveMsg', message(KEEPALIVE), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N5/1 FAIL -> idle', '+hold-due established -> established', '+hold-due']],
  ['27 UpdateMsg', message(update), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N5/1 FAIL -> idle', 'N5/2 FAIL -> idle', '+hold-due update']],
  ['RR ROUTE-REFRESH', message({ type: 'route-refresh', afi: 1, safi: 1, subtype: 0 }), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N5/1 FAIL -> idle', 'N5/2 FAIL -> idle', '+hold-due refresh']],
  ['28 UpdateMsgErr', malformed(3, 10), ['.', 'FAIL -> idle', 'FAIL -> idle', 'N5/1 FAIL -> idle', 'N5/2 FAIL -> idle', 'N3/10 FAIL -> idle']],
  ['29 SendHoldTimer', expired('send-hold'), ['.', '.', '.', '.', 'N8/0 FAIL -> idle', 'N8/0 FAIL -> idle']],
] // prettier-ignore

describe('[B-FSM-21] RFC 4271 §8.2.2, every state and event', () => {
  const columns = ['idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'] as const
  for (const [name, input, cells] of TABLE) {
    test(`event ${name}`, () => {
      expect(columns.map(state => said(SETTINGS, STATES[state], input))).toEqual(cells)
    })
  }

  test('event 4, 5, 7: a passive start dials nobody, and neither does its timer', () => {
    expect(said(PASSIVE, STATES.idle, { type: 'start' })).toBe('-> active')
    expect(said(PASSIVE, STATES.active, expired('connect-retry'))).toBe('.')
    expect(said(PASSIVE, STATES['open-sent'], { type: 'tcp-failed', detail: '' })).toBe('FAIL -> idle')
  })

  test.each([
    ['16, 17 with DelayOpen', DELAYING, STATES.connect, { type: 'connected' }, '+delay-open -> connect'],
    ['16, 17 with DelayOpen', DELAYING, STATES.active, { type: 'connected' }, '+delay-open -> active'],
    ['2 while the OPEN waits', DELAYING, STATES['active+'], stop(true), 'N6/2 STOP -> idle'],
    ['12', DELAYING, STATES['connect+'], expired('delay-open'), 'open +hold-due -> open-sent'],
    ['18', DELAYING, STATES['connect+'], { type: 'tcp-failed', detail: '' }, 'close +connect-retry -> active'],
    ['20 BGPOpen', DELAYING, STATES['connect+'], message(OPEN), 'open keepalive +hold-due +keepalive -> open-confirm'],
    ['20 BGPOpen', DELAYING, STATES['active+'], message(OPEN), 'open keepalive +hold-due +keepalive -> open-confirm'],
    ['21', DELAYING, STATES['active+'], malformed(1, 1), 'N1/1 FAIL -> idle'],
    ['22', DELAYING, STATES['connect+'], malformed(2, 1), 'N2/1 FAIL -> idle'],
    ['24', DELAYING, STATES['active+'], message(notification(2, 1)), 'LEAVE -> idle'],
    ['25', DELAYING, STATES['active+'], message(notification(6, 5)), 'FAIL -> idle'],
  ] as const)('[B-FSM-03] event %s', (_name, settings, state, input, expected) => {
    expect(said(settings, state, input)).toBe(expected)
  })
})

describe('clauses', () => {
  test('[B-FSM-01] Idle dials and arms the ConnectRetryTimer', () => {
    const { state, effects } = stepSession(SETTINGS, STATES.idle, { type: 'start' })
    expect(state.name).toBe('connect')
    expect(effects).toContainEqual({ type: 'dial' })
    expect(effects).toContainEqual({ type: 'start-timer', timer: 'connect-retry', ms: 8_750, jitter: 1 / 7 })
  })

  test('[B-FSM-02] our OPEN goes with the connection, under a hold time of four minutes', () => {
    const { effects } = stepSession(SETTINGS, STATES.connect, { type: 'connected' })
    expect(effects).toContainEqual({ type: 'send', message: localOpen(SETTINGS) })
    expect(effects).toContainEqual({ type: 'start-timer', timer: 'hold-due', ms: 240_000 })
  })

  test('[B-NOTE-05] [B-FSM-12] [B-FSM-13] [B-FSM-14] the answer names the type of the message', () => {
    const data = (state: SessionState, input: SessionInput): number[] =>
      stepSession(SETTINGS, state, input).effects.flatMap(effect =>
        effect.type === 'send' && effect.message.type === 'notification'
          ? [effect.message.code, effect.message.subcode, ...effect.message.data]
          : [],
      )
    expect(data(STATES['open-sent'], message(update))).toEqual([5, 1, 2])
    expect(data(STATES['open-sent'], message(KEEPALIVE))).toEqual([5, 1, 4])
    expect(data(STATES['open-confirm'], message(OPEN))).toEqual([5, 2, 1])
    expect(data(STATES['open-confirm'], message(update))).toEqual([5, 2, 2])
    expect(data(STATES.established, message(OPEN))).toEqual([5, 3, 1])
  })

  test('[B-NOTE-01] [B-FSM-15] a NOTIFICATION is never answered, in any state', () => {
    for (const state of Object.values(STATES))
      for (const [code, subcode] of [
        [1, 1],
        [2, 1],
        [2, 2],
        [4, 0],
        [6, 2],
        [99, 9],
      ] as const)
        expect(said(SETTINGS, state, message(notification(code, subcode)))).not.toMatch(/N\d/)
  })

  test('[B-OPEN-15] a NOTIFICATION behind a bad OPEN explains it', () => {
    const bad = scriptedOpen({ asn: 1 })
    const rejected = notification(6, 5)
    const { effects } = stepSession(SETTINGS, STATES['open-sent'], {
      type: 'message',
      message: bad,
      followedBy: rejected,
    })
    expect(effects.some(({ type }) => type === 'send')).toBe(false)
    expect(effects.at(-1)).toMatchObject({ reason: { code: 'notification-received', error: { errorCode: 6 } } })
  })

  test('[B-FSM-10] a stop without a word, for a restart that the peer bridges', () => {
    const quiet: SessionInput = { type: 'stop', isManual: true, notification: ERRORS.shutdown(), because: 'restart' }
    expect(said(SETTINGS, STATES.established, quiet)).toBe('STOP -> idle')
    expect(said(SETTINGS, STATES.idle, quiet)).toBe('.')
  })

  test('[B-TIM-01] [B-TIM-02] keepalives: a third of the hold time, jittered down, again with every UPDATE of ours', () => {
    for (const input of [expired('keepalive'), { type: 'updates-sent' } as const]) {
      const { effects } = stepSession(SETTINGS, STATES.established, input)
      expect(effects).toContainEqual({ type: 'start-timer', timer: 'keepalive', ms: 26_250, jitter: 1 / 7 })
    }
    expect(agreed({ ...SETTINGS, holdSeconds: 3 }).keepaliveSeconds).toBe(1)
    expect(agreed({ ...SETTINGS, holdSeconds: 4 }).keepaliveSeconds).toBe(1)
    expect(agreed({ ...SETTINGS, keepaliveSeconds: 60 }).keepaliveSeconds).toBe(30)
    expect(agreed({ ...SETTINGS, keepaliveSeconds: 5 }).keepaliveSeconds).toBe(5)
  })

  test('[B-TIM-03] hold time 0: no timer runs, and OpenConfirm still gets on', () => {
    const negotiated = agreed({ ...SETTINGS, holdSeconds: 0 })
    expect(said(SETTINGS, { name: 'open-confirm', negotiated }, message(KEEPALIVE))).toBe('established -> established')
    expect(said({ ...SETTINGS, holdSeconds: 0 }, STATES['open-sent'], message(OPEN))).toBe('keepalive -> open-confirm')
    expect(said(SETTINGS, { name: 'established', negotiated }, { type: 'updates-sent' })).toBe('.')
  })

  test('[B-TIM-04] [B-FSM-08] a hold time that is over gives what has arrived one turn to be read', () => {
    expect(said(SETTINGS, STATES.established, expired('hold-due'))).toBe('+hold')
    const { effects } = stepSession(SETTINGS, STATES.established, message(KEEPALIVE))
    expect(effects).toEqual([
      { type: 'stop-timer', timer: 'hold' },
      { type: 'start-timer', timer: 'hold-due', ms: 90_000 },
    ])
  })

  test('[B-TIM-07] pauses between dials: 1, 2, 4 .. 120 s, and never above 5 s for a peer that takes and drops', () => {
    const pause = (state: SessionState): number | undefined => {
      const { effects } = stepSession(SETTINGS, state, { type: 'tcp-failed', detail: '' })
      return effects.find(effect => effect.type === 'attempt-failed')?.retryMs
    }
    const pauses = [0, 1, 2, 3, 6, 7, 50].map(attempt => pause({ name: 'connect', attempt, delaysOpen: false }))
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 64_000, 120_000, 120_000])
    expect([0, 2, 9].map(attempt => pause({ name: 'open-sent', attempt }))).toEqual([1_000, 4_000, 5_000])
  })

  test('timers: idle leaves none running, whatever came before', () => {
    const inputs = TABLE.map(([, input]) => input)
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...inputs), { maxLength: 40 }), sequence => {
        let state: SessionState = { name: 'idle' }
        const running = new Set<string>()
        for (const input of sequence) {
          if (input.type === 'expired') running.delete(input.timer)
          const answer = stepSession(SETTINGS, state, input)
          for (const effect of answer.effects) {
            if (effect.type === 'start-timer') running.add(effect.timer)
            if (effect.type === 'stop-timer') running.delete(effect.timer)
          }
          state = answer.state
          if (state.name === 'idle') expect([...running]).toEqual([])
          if (state.name === 'established')
            expect(running.has('hold-due') || running.has('hold') || input.type === 'expired').toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('negotiation', () => {
  const verdict = (open: Partial<Open>, local: Partial<LocalSession> = {}): string => {
    const result = negotiate({ ...SETTINGS, ...local }, scriptedOpen({ asn: 64_500, ...open }))
    return result.ok ? 'ok' : `${result.notification.code}/${result.notification.subcode}`
  }
  const withCapabilities = (...capabilities: Capability[]): Open =>
    scriptedOpen({
      asn: 64_500,
      capabilities: [unicast('ipv4'), { kind: 'four-octet-as', asn: 64_500 }, ...capabilities],
    })

  test.each<[string, Partial<Open>, Partial<LocalSession>, string]>([
    ['[B-OPEN-05] AS 0', { asn: 0 }, { peerAsn: 'external' }, '2/2'],
    ['[B-OPEN-05] AS 0 in the short field', { shortAsn: 0 }, {}, '2/2'],
    ['[B-OPEN-06] another AS', { asn: 64_501 }, {}, '2/2'],
    ['[B-OPEN-06] our own AS where another is wanted', { asn: 64_512 }, { peerAsn: 'external' }, '2/2'],
    ['[B-OPEN-06] another AS where our own is wanted', {}, { peerAsn: 'internal' }, '2/2'],
    ['[B-OPEN-06] external', {}, { peerAsn: 'external' }, 'ok'],
    ['[B-OPEN-06] internal', { asn: 64_512 }, { peerAsn: 'internal' }, 'ok'],
    ['[B-OPEN-07] hold time 1', { holdTime: 1 }, {}, '2/6'],
    ['[B-OPEN-07] hold time 2', { holdTime: 2 }, {}, '2/6'],
    ['[B-OPEN-07] hold time 0', { holdTime: 0 }, {}, 'ok'],
    ['[B-OPEN-07] hold time 3', { holdTime: 3 }, {}, 'ok'],
    ['[B-OPEN-07] hold time 65535', { holdTime: 65_535 }, {}, 'ok'],
    ['[B-OPEN-09] identifier 0', { routerId: 0 }, {}, '2/3'],
    ['[B-OPEN-09] our identifier from inside', { asn: 64_512, routerId: 0xc000020a }, { peerAsn: 'internal' }, '2/3'],
    ['[B-OPEN-09] our identifier from outside', { routerId: 0xc000020a }, {}, 'ok'],
    [
      '[B-OPEN-14] all of it wrong: the AS first',
      { asn: 1, holdTime: 1, routerId: 0, capabilities: [] },
      { families: ['ipv6'] },
      '2/2',
    ],
    ['[B-OPEN-14] then the hold time', { holdTime: 1, routerId: 0, capabilities: [] }, { families: ['ipv6'] }, '2/6'],
    ['[B-OPEN-14] then the identifier', { routerId: 0, capabilities: [] }, { families: ['ipv6'] }, '2/3'],
    ['[B-OPEN-14] then the families', { capabilities: [] }, { families: ['ipv6'] }, '2/7'],
    [
      '[B-CAP-12] two providers',
      { capabilities: [unicast('ipv4'), { kind: 'role', role: 0 }] },
      { role: 'provider' },
      '2/11',
    ],
    [
      '[B-CAP-12] provider and customer',
      { capabilities: [unicast('ipv4'), { kind: 'role', role: 3 }] },
      { role: 'provider' },
      'ok',
    ],
    ['[B-CAP-12] no role where one is required', {}, { role: 'peer', isRoleRequired: true }, '2/11'],
    ['[B-CAP-12] no role where none is required', {}, { role: 'peer' }, 'ok'],
  ])('%s', (_name, open, local, expected) => {
    expect(verdict(open, local)).toBe(expected)
  })

  test('[B-OPEN-08] the lesser hold time counts, and 0 on either side is 0', () => {
    const hold = (ours: number, theirs: number): number =>
      agreed({ ...SETTINGS, holdSeconds: ours }, scriptedOpen({ asn: 64_500, holdTime: theirs })).holdSeconds
    expect([hold(90, 30), hold(9, 30), hold(0, 30), hold(90, 0)]).toEqual([9 * 0 + 30, 9, 0, 0])
  })

  test('[B-CAP-04] a feature is on only when both offer it', () => {
    const all: Capability[] = [
      { kind: 'route-refresh' },
      { kind: 'extended-message' },
      { kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { kind: 'enhanced-route-refresh' },
      { kind: 'graceful-restart', restarting: false, notification: true, seconds: 60, families: [] },
      { kind: 'add-path', tuples: [{ afi: 1, safi: 1, mode: 'receive' }] },
    ]
    const features = ({ routeRefresh, extendedMessages, extendedNextHop, enhancedRefresh, gracefulRestart, addPath }: Negotiated) =>
      [routeRefresh, extendedMessages, extendedNextHop, enhancedRefresh, gracefulRestart !== undefined, addPath.length > 0] // prettier-ignore
    const offering: LocalSession = {
      ...SETTINGS,
      extendedMessages: true,
      extendedNextHop: true,
      addPath: ['ipv4'],
      gracefulRestart: { seconds: 60, isRestarting: false, keepsForwarding: true },
    }
    expect(features(agreed(offering, withCapabilities(...all)))).toEqual([true, true, true, true, true, true])
    expect(features(agreed(SETTINGS, withCapabilities(...all)))).toEqual([true, false, false, false, false, false])
    expect(features(agreed(offering, withCapabilities()))).toEqual([false, false, false, false, false, false])
  })

  test('[B-CAP-05] a peer that names no family carries IPv4', () => {
    expect(agreed(SETTINGS, scriptedOpen({ asn: 64_500, capabilities: [] })).families).toEqual(['ipv4'])
  })

  test('[B-CAP-06] nothing in common: 2/7 with what we would need', () => {
    const result = negotiate({ ...SETTINGS, families: ['ipv6'] }, withCapabilities())
    expect(result).toMatchObject({ notification: { code: 2, subcode: 7, data: Uint8Array.of(1, 4, 0, 2, 0, 1) } })
  })

  test('[B-CAP-03] families said twice count once, and of add-path tuples the last counts', () => {
    expect(agreed(SETTINGS, withCapabilities(unicast('ipv4'), unicast('ipv6'))).families).toEqual(['ipv4', 'ipv6'])
    const tuple = (mode: 'send' | 'receive'): Capability => ({ kind: 'add-path', tuples: [{ afi: 1, safi: 1, mode }] })
    const local: LocalSession = { ...SETTINGS, addPath: ['ipv4'] }
    expect(agreed(local, withCapabilities(tuple('receive'), tuple('send'))).addPath).toEqual([])
    expect(agreed(local, withCapabilities(tuple('send'), tuple('receive'))).addPath).toEqual(['ipv4'])
  })

  test('[B-AP-04] sending needs that the peer receives', () => {
    const local: LocalSession = { ...SETTINGS, addPath: ['ipv4'] }
    const paths = (['receive', 'send', 'both'] as const).map(
      mode => agreed(local, withCapabilities({ kind: 'add-path', tuples: [{ afi: 1, safi: 1, mode }] })).addPath.length,
    )
    expect(paths).toEqual([1, 0, 1])
  })

  test('[B-RR-05] enhanced refresh is offered only beside graceful restart', () => {
    const kinds = (local: LocalSession): string[] => localOpen(local).capabilities.map(({ kind }) => kind)
    expect(kinds(SETTINGS)).not.toContain('enhanced-route-refresh')
    expect(
      kinds({ ...SETTINGS, gracefulRestart: { seconds: 1, isRestarting: false, keepsForwarding: true } }),
    ).toContain('enhanced-route-refresh')
  })
})
