import { describe, expect, test } from 'vitest'
import { explainSight, lastSight } from '../src/index.ts'
import { Bench } from './bench.ts'

const seen = ({ session }: Bench): string => explainSight(lastSight(session))

describe('what the detector saw last', () => {
  test('nothing yet', () => {
    expect(seen(new Bench())).toBe('no packet of the peer was accepted yet')
  })

  test('nothing yet, and we are to wait for it', () => {
    expect(seen(new Bench({ profile: { passiveMode: true } }))).toContain('we are passive')
  })

  test('nothing that could be used', () => {
    const bench = new Bench()
    bench.say({ state: 'down', isPoll: true, isFinal: true })
    bench.say({ state: 'down', isPoll: true, isFinal: true })
    bench.say({ authentication: { kind: 'unknown', type: 9, data: new Uint8Array(1) } })
    expect(lastSight(bench.session)).toMatchObject({ discarded: { reason: 'poll-and-final', packets: 2 } })
    expect(seen(bench)).toBe('no packet of the peer was accepted yet; 2 were thrown away, for poll-and-final')
  })

  test('the peer, which does not hear us', () => {
    const bench = new Bench()
    bench.peer.send({ state: 'down' })
    expect(seen(bench)).toBe('the peer is heard, and does not say that it hears us')
  })

  test('the peer, in time', () => {
    const bench = new Bench().bringUp()
    expect(seen(bench)).toBe('the peer is heard every 300 ms; 900 ms of silence would take the session down')
  })

  test('silence; and the same after the next handshake came to nothing', () => {
    const bench = new Bench().bringUp()
    bench.clock.advance(901)
    expect(seen(bench)).toBe('nothing was heard of the peer for a whole detection time')
  })

  test('a peer that says it is down, and why', () => {
    const bench = new Bench().bringUp()
    bench.say({ state: 'down', diagnostic: 1 })
    expect(seen(bench)).toBe('the peer said that it is down, for detection-time-expired')
    expect(bench.session.lastMove).toMatchObject({ from: 'up', to: 'down', cause: 'peer-down', remoteDiagnostic: 1 })
  })

  test('an operator’s hand, there and here', () => {
    const bench = new Bench().bringUp()
    bench.say({ state: 'admin-down' })
    expect(seen(bench)).toBe('an operator of the peer took the session down')
    bench.session.disable()
    expect(seen(bench)).toBe('the session was taken down here, on purpose')
  })

  test('echoes that stayed away', () => {
    const bench = new Bench({ profile: { echoMode: true } }).bringUp({ requiredMinEchoRxUs: 50_000 })
    bench.clock.advance(200)
    expect(seen(bench)).toBe('echoes by way of the peer did not come back')
  })
})
