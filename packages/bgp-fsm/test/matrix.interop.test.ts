import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DAEMONS, type Daemon, type DaemonKind } from './interop/daemons.ts'
import { eventually, Lab, missingFor, type SpeakerProcess } from './interop/lab.ts'
import {
  DAEMON_ASN,
  daemonAddress,
  isSix,
  OUR_ASN,
  routesOf,
  SESSIONS,
  type MatrixSession,
  type SessionName,
} from './interop/sessions.ts'

const WHAT: Readonly<Record<SessionName, string>> = {
  plain: '[row 47] [row 48] [row 67] we dial over IPv4: routes of both families with large communities',
  six: 'we dial over IPv6',
  md5: '[row 77] [B-TRN-02] TCP MD5 over IPv4',
  'six-md5': '[row 77] [B-TRN-02] TCP MD5 over IPv6',
  dialled: '[B-TRN-02] it dials us, with the key on our listening socket where it can',
  gtsm: '[B-TRN-04] GTSM both ways',
  'two-octets': '[row 68] [B-ATTR-22] AS numbers of two octets',
  both: '[B-COL-02] both dial, one session stays',
}

/** The others take their time to dial, and have not been through all of it yet: `INTEROP=GoBGP,ExaBGP` asks for them. */
const ASKED = process.env['INTEROP']?.split(',') ?? ['FRR', 'BIRD']

describe.each(DAEMONS)('$name', kind => {
  if (!ASKED.includes(kind.name)) return test.skip(`INTEROP=${kind.name} runs it`, () => {})
  const missing = missingFor(...kind.programs)
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => matrix(kind))
})

/** GoBGP takes up to a quarter of a minute to dial. */
const PATIENCE_MS = 25_000

function matrix(kind: DaemonKind): void {
  const sessions = SESSIONS.filter(({ name }) => kind.lacks[name] === undefined).map(session =>
    kind.lacks.md5 === undefined ? session : { ...session, password: undefined },
  )
  let lab: Lab
  let daemon: Daemon
  let speaker: SpeakerProcess

  beforeAll(async () => {
    lab = new Lab()
    for (const session of SESSIONS)
      lab.sh(lab.us, `ip a add ${session.source}/${isSix(session) ? '64' : '24'} dev eth0 2>/dev/null || true`)
    daemon = kind.start(lab)
    speaker = begin(lab, sessions, {})
    await speaker.event('listening')
  })
  afterAll(() => lab.close())

  const known = (cidr: string): Promise<string> =>
    eventually(
      () => {
        const text = daemon.show(cidr)
        return text.includes(cidr.replace(/\/\d+$/, '')) && text
      },
      () => `${cidr} at ${kind.name}; ${JSON.stringify(speaker.lines.slice(-6))}`,
      PATIENCE_MS,
    )
  const unknown = (cidr: string): boolean => {
    try {
      return !/large|communit|next.?hop|as.?path|\[i\]|unicast \[|AS_PATH/i.test(daemon.show(cidr))
    } catch {
      return true
    }
  }

  for (const session of SESSIONS) {
    const lack = kind.lacks[session.name]
    test.skipIf(lack !== undefined)(
      lack === undefined ? WHAT[session.name] : `${WHAT[session.name]}: ${lack}`,
      async () => {
        const { v4, v6 } = routesOf(session.name)
        if (!isSix(session) || kind.lacks['extended next hop'] === undefined)
          expect(await known(v4)).toContain(kind.large)
        if (session.twoOctets === undefined || kind.name !== 'FRR') expect(await known(v6)).toContain(kind.large)
        const peers = (await speaker.show())['peers'] as { name: string; state: string }[]
        expect(peers.find(({ name }) => name === session.name)?.state).toBe('established')
      },
    )
  }

  test.skipIf(kind.lacks['extended next hop'] !== undefined)(
    `[row 51] [B-UNN-03] IPv4 by an IPv6 next hop${because(kind, 'extended next hop')}`,
    async () => expect(await known(routesOf('six').v4)).toContain('2001:db8::10'),
  )

  test.skipIf(kind.lacks.refresh !== undefined)(
    `[B-RR-01] it asks for a refresh${because(kind, 'refresh')}`,
    async () => {
      const from = speaker.lines.length
      daemon.refresh!()
      await speaker.line(
        ({ name, detail }) => name === 'bgp:advertised' && detail?.['peer'] === 'plain',
        'what was asked for',
        from,
      )
      await known(routesOf('plain').v4)
    },
  )

  test.skipIf(kind.lacks.restart !== undefined)(
    `[row 85] [B-GR-01] [B-GR-02] our speaker is killed and started again, and no route is lost${because(kind, 'restart')}`,
    async () => {
      const { v4, v6 } = routesOf('plain')
      const restart = (): string => daemon.restart?.() ?? daemon.show(v4)
      speaker.child.kill('SIGKILL')
      await eventually(() => kind.stale!.test(restart()), restart, PATIENCE_MS)
      for (const cidr of [v4, v6]) expect(unknown(cidr), cidr).toBe(false)
      speaker = begin(lab, [SESSIONS[0]!], { isRestarting: true, initialSyncMs: 30_000 })
      await speaker.event('bgp:established')
      for (const cidr of [v4, v6]) expect(unknown(cidr), cidr).toBe(false)
      speaker.tell({ do: 'synced' })
      await eventually(() => !kind.stale!.test(restart()), restart, PATIENCE_MS)
      for (const cidr of [v4, v6]) expect(unknown(cidr), cidr).toBe(false)
    },
  )

  test('[B-RIB-09] graceful shutdown: marked first, then withdrawn, with a word about why', async () => {
    const { v4 } = routesOf('plain')
    speaker.tell({ do: 'stop', options: { drainMs: 1_500, reason: 'node drained' } })
    await eventually(
      () => /graceful.?shutdown|65535[:,] ?0\b/i.test(daemon.show(v4)),
      () => 'the mark',
      PATIENCE_MS,
    )
    await speaker.event('stopped')
    await eventually(
      () => unknown(v4),
      () => 'the end of it',
      PATIENCE_MS,
    )
    const error = daemon.lastError?.()
    if (error !== undefined) expect(error).toMatch(/shut ?down|cease/i)
  })
}

function begin(lab: Lab, sessions: readonly MatrixSession[], init: object): SpeakerProcess {
  const speaker = lab.speaker()
  speaker.tell({ do: 'create', init: { asn: OUR_ASN, routerId: { ip: '192.0.2.10' }, ...init } })
  const routes = sessions.flatMap(({ name }) => {
    const { v4, v6 } = routesOf(name)
    const attributes = { largeCommunities: [{ global: OUR_ASN, local1: 1, local2: 7 }] }
    return [v4, v6].map(cidr => ({ prefix: { cidr }, attributes, peers: [name] }))
  })
  speaker.tell({ do: 'routes', source: 'default/web', routes })
  for (const session of sessions) speaker.tell({ do: 'peer', init: peer(session) })
  speaker.tell({ do: 'listen', port: 179 })
  return speaker
}

function peer(session: MatrixSession): object {
  return {
    name: session.name,
    remote: { ip: daemonAddress(session) },
    source: { ip: session.source },
    peerAsn: DAEMON_ASN,
    families: ['ipv4', 'ipv6'],
    passive: session.dials === 'daemon',
    dialSeconds: 2,
    connectSeconds: 2,
    gracefulRestart: { seconds: 60 },
    ...(session.password !== undefined && { password: session.password }),
    ...(session.ttlSecurity === true && { ttlSecurityHops: 1 }),
  }
}

function because({ lacks }: DaemonKind, what: keyof DaemonKind['lacks']): string {
  return lacks[what] === undefined ? '' : `: ${lacks[what]}`
}
