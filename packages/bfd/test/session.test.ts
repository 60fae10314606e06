import { describe, expect, test } from 'vitest'
import { completeProfile } from '../src/profile.ts'
import { initialSession, stepSession, type SessionInput } from '../src/session.ts'
import type { SessionSettings, SessionState } from '../src/session-state.ts'
import { scriptedControl } from '../src/testing/index.ts'
import type { ControlPacket, StateName } from '../src/wire/index.ts'

const SETTINGS: SessionSettings = {
  discriminator: 0x01020304,
  profile: completeProfile({ echoMode: true }),
  isEchoPath: true,
}

function after(inputs: readonly SessionInput[], settings = SETTINGS): SessionState {
  return inputs.reduce((state, input) => stepSession(settings, state, input, 0).state, initialSession(settings.profile))
}

const heard = (packet: Partial<ControlPacket>): SessionInput => ({
  type: 'received',
  packet: scriptedControl({ yourDiscriminator: SETTINGS.discriminator, requiredMinEchoRxUs: 50_000, ...packet }),
})
const expired = (timer: (SessionInput & { type: 'expired' })['timer']): SessionInput => ({ type: 'expired', timer })

const STATES: Readonly<Record<StateName, SessionState>> = {
  'admin-down': after([{ type: 'start' }, { type: 'disable' }]),
  down: after([{ type: 'start' }]),
  init: after([{ type: 'start' }, heard({ state: 'down' })]),
  up: after([{ type: 'start' }, heard({ state: 'down' }), heard({ state: 'up' })]),
}

/** Where it leads, with the diagnostic if that is said, and whether the peer is told at once. */
function said(state: StateName, input: SessionInput): string {
  const { state: to, effects } = stepSession(SETTINGS, STATES[state], input, LATER)
  const sent = effects.flatMap(effect => (effect.type === 'send' ? [effect.packet] : []))
  const told = sent.some(packet => packet.state === to.name && packet.diagnostic === to.diagnostic)
  if (to.name === state) return sent.length === 0 ? '.' : 'said again'
  return `${to.name}${to.diagnostic === 0 ? '' : ` ${to.diagnostic}`}${told ? '!' : ''}`
}

const LATER = 1_000 // than the detection time of every state

const TABLE: readonly (readonly [string, SessionInput, readonly [string, string, string, string]])[] = [
  ['AdminDown heard', heard({ state: 'admin-down' }), ['.', '.', 'down 3!', 'down 3!']],
  ['Down heard', heard({ state: 'down' }), ['.', 'init!', '.', 'down 3!']],
  ['Init heard', heard({ state: 'init' }), ['.', 'up!', 'up!', '.']],
  ['Up heard', heard({ state: 'up' }), ['.', '.', 'up!', '.']],
  ['detection time over', expired('detect'), ['.', '.', 'down 1!', 'down 1!']],
  ['echoes lost', expired('echo-lost'), ['.', '.', '.', 'down 2!']],
  ['disabled', { type: 'disable' }, ['.', 'admin-down 7!', 'admin-down 7!', 'admin-down 7!']],
  ['closed', { type: 'close' }, ['.', 'admin-down 7!', 'admin-down 7!', 'admin-down 7!']],
  ['enabled', { type: 'enable' }, ['down!', '.', '.', '.']],
  ['an echo came back', { type: 'echoed' }, ['.', '.', '.', '.']],
]

describe('[F-ST-01] [F-ST-03] [F-TX-05] RFC 5880 §6.2, every state and event', () => {
  const columns = ['admin-down', 'down', 'init', 'up'] as const
  for (const [name, input, cells] of TABLE) {
    test(name, () => {
      expect(columns.map(state => said(state, input))).toEqual(cells)
    })
  }

  test('[F-DET-02] in Down a detection time of silence takes nothing further down, and forgets the peer', () => {
    const known = after([{ type: 'start' }, heard({ state: 'up' })])
    expect([known.name, known.peer?.myDiscriminator]).toEqual(['down', 0x0a0b0c0d])
    const { state } = stepSession(SETTINGS, known, expired('detect'), LATER)
    expect([state.name, state.peer, state.diagnostic]).toEqual(['down', undefined, 0])
  })

  test('[F-DET-03] an expiry counts only after what waits has been read', () => {
    const due = stepSession(SETTINGS, STATES.up, expired('detect-due'), 900)
    expect(due.state.name).toBe('up')
    expect(due.effects).toContainEqual({ type: 'start-timer', timer: 'detect', ms: 1 })
    const read = stepSession(SETTINGS, due.state, heard({ state: 'up' }), 900)
    const looked = stepSession(SETTINGS, read.state, expired('detect'), 901)
    expect(looked.state.name).toBe('up')
    expect(looked.effects).toContainEqual({ type: 'start-timer', timer: 'detect-due', ms: 899 })
    expect(stepSession(SETTINGS, due.state, expired('detect'), 901).state.name).toBe('down')
  })

  test('[F-ST-03] the diagnostic stays until the session is up again', () => {
    const down = stepSession(SETTINGS, STATES.up, expired('detect'), LATER).state
    const init = stepSession(SETTINGS, down, heard({ state: 'down' }), 2).state
    const up = stepSession(SETTINGS, init, heard({ state: 'init' }), 3).state
    expect([down, init, up].map(({ name, diagnostic }) => [name, diagnostic])).toEqual([
      ['down', 1],
      ['init', 1],
      ['up', 0],
    ])
  })

  test('[F-ADM-02] disabled, a packet changes what is known of the peer and nothing else; a Poll is not answered', () => {
    const { state, effects } = stepSession(SETTINGS, STATES['admin-down'], heard({ state: 'up', isPoll: true }), 5)
    expect(effects).toEqual([])
    expect({ ...state, peer: undefined }).toEqual({ ...STATES['admin-down'], peer: undefined })
    expect(state.peer).toMatchObject({ myDiscriminator: 0x0a0b0c0d, state: 'up', heardAt: 5 })
  })

  test('[F-RX-13] the peer has another discriminator: it is stored, the state kept, and the peer told', () => {
    const { state, effects } = stepSession(SETTINGS, STATES.up, heard({ state: 'up', myDiscriminator: 77 }), 1)
    expect([state.name, state.peer?.myDiscriminator]).toEqual(['up', 77])
    expect(effects).toContainEqual({ type: 'send', packet: expect.objectContaining({ yourDiscriminator: 77 }) })
  })

  test('a peer that started anew takes us down, and its new number is not taken for the old one’s session', () => {
    const { state } = stepSession(
      SETTINGS,
      STATES.up,
      heard({ state: 'down', yourDiscriminator: 0, myDiscriminator: 9 }),
      1,
    )
    expect([state.name, state.diagnostic]).toEqual(['down', 3])
  })
})
