import { address, prefix } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { routesOnTheWire, sessionStatus, type SessionFacts, type SessionView } from '../src/index.ts'

const FACTS: SessionFacts = {
  node: 'n1',
  peer: 'tor',
  address: address('2001:db8::1'),
  state: 'established',
  since: '2026-01-01T00:00:00Z',
  lastError: undefined,
  negotiated: {
    peerAsn: 64_513,
    peerRouterId: 0xc0000201,
    internal: false,
    holdSeconds: 90,
    keepaliveSeconds: 30,
    families: ['ipv4', 'ipv6'],
  } as unknown as SessionFacts['negotiated'],
  prefixes: { advertised: 2, desired: 3 },
  heldBack: ['no-next-hop'],
}

describe('what is shown of a session', () => {
  it('that is established: what was agreed on, and how many prefixes', () => {
    expect(sessionStatus(FACTS)).toEqual({
      node: 'n1',
      peer: 'tor',
      address: '2001:db8::1',
      bgpStatus: 'Established',
      bfdStatus: 'N/A',
      since: '2026-01-01T00:00:00Z',
      negotiated: {
        peerASN: 64_513,
        peerRouterID: '192.0.2.1',
        kind: 'external',
        holdTimeSeconds: 90,
        keepaliveTimeSeconds: 30,
        families: ['ipv4-unicast', 'ipv6-unicast'],
        gracefulRestart: false,
      },
      prefixes: { desired: 3, advertised: 2, heldBack: ['no-next-hop'] },
    })
  })

  it('that is tried: the same whatever stage an attempt has reached, with the last error', () => {
    const tried = { ...FACTS, negotiated: undefined, lastError: 'could not connect' }
    const shown = ['idle', 'connect', 'open-sent'].map(state => sessionStatus({ ...tried, state }))
    expect(new Set(shown.map(one => JSON.stringify(one))).size).toBe(1)
    expect(shown[0]).toMatchObject({ bgpStatus: 'Active', lastError: 'could not connect' })
    expect(sessionStatus({ ...tried, address: undefined, state: 'idle' }).bgpStatus).toBe('Idle')
  })
})

describe('what became of routes on the wire', () => {
  const routes = [{ prefix: prefix('192.0.2.1/32'), attributes: {} }]
  const view = (more: Partial<SessionView> = {}): SessionView => ({
    peer: 'tor',
    router: '198.51.100.1',
    isEstablished: true,
    isTold: () => true,
    whyNotTold: () => undefined,
    ...more,
  })
  const codes = (...sessions: readonly SessionView[]): readonly string[] =>
    routesOnTheWire(routes, sessions, 'n1').silences.map(({ code }) => code)

  it('a router that was told counts, one that was not has its reason', () => {
    const other = view({ peer: 'spine', isEstablished: false, isTold: () => false, lastError: 'refused' })
    expect(routesOnTheWire(routes, [view(), other], 'n1')).toMatchObject({
      peers: ['tor'],
      silences: [{ code: 'session-down', objects: [{ name: 'spine' }], facts: { why: 'refused' } }],
    })
    const untold = { isTold: () => false }
    expect(codes(view({ ...untold, isEstablished: false }))).toEqual(['session-starting'])
    expect(codes(view(untold))).toEqual(['session-starting'])
    expect(codes(view({ ...untold, whyNotTold: () => 'it does not take IPv4' }))).toEqual(['not-told'])
  })

  it('a session that the route is not meant for is not spoken of', () => {
    const named = [{ ...routes[0]!, peers: ['spine'] }]
    expect(routesOnTheWire(named, [view()], 'n1')).toEqual({ peers: [], silences: [] })
  })
})
