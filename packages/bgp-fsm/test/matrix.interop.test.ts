import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DAEMONS, type Daemon, type DaemonKind, type Lack } from './interop/daemons.ts'
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

/** All at once: what one waits for costs the others nothing. */
describe.concurrent.each(DAEMONS)('$name', kind => {
  const missing = missingFor(...kind.programs)
  describe.skipIf(missing !== undefined)(
    `asked by its own command line (${missing ?? 'here'})`,
    { concurrent: false },
    () => matrix(kind),
  )
})

function matrix(kind: DaemonKind): void {
  const sessions = SESSIONS.filter(({ name }) => kind.lacks[name] === undefined)
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

  const knows = async (cidr: string): Promise<boolean> => (await daemon.show(cidr)).includes(kind.large)
  const known = (cidr: string): Promise<string> =>
    eventually(
      async () => {
        const text = await daemon.show(cidr)
        return text.includes(kind.large) && text
      },
      () => `${cidr} at ${kind.name}; ${said(speaker)}`,
    )

  /** A case of the matrix, or what the daemon lacks for it: then it would prove nothing, and bears no id. */
  const shows = (what: string, needs: readonly Lack[], run: () => Promise<void>): void => {
    const lack = needs.map(one => kind.lacks[one]).find(one => one !== undefined)
    test.skipIf(lack !== undefined)(lack === undefined ? what : `${what.replace(IDS, '')}: ${lack}`, run)
  }

  for (const session of SESSIONS)
    shows(WHAT[session.name], [session.name], async () => {
      const { v4, v6 } = routesOf(session.name)
      if (!isSix(session)) await known(v4)
      if (session.twoOctets === undefined) await known(v6)
      const peers = (await speaker.show())['peers'] as { name: string; state: string }[]
      expect(peers.find(({ name }) => name === session.name)?.state).toBe('established')
    })

  shows('[row 51] [B-UNN-03] IPv4 by an IPv6 next hop', ['extended next hop'], async () => {
    expect(await known(routesOf('six').v4)).toContain('2001:db8::10')
    if (sessions.some(({ name }) => name === 'six-md5')) await known(routesOf('six-md5').v4)
  })

  shows(
    '[row 68] [B-ATTR-22] IPv6 routes and AS numbers of two octets',
    ['two-octets', 'two-octets ipv6'],
    async () => {
      await known(routesOf('two-octets').v6)
    },
  )

  shows('[B-RR-01] it asks for a refresh', ['refresh'], async () => {
    const from = speaker.lines.length
    await daemon.refresh!()
    await speaker.line(
      ({ name, detail }) => name === 'bgp:advertised' && detail?.['peer'] === 'plain',
      'what was asked for',
      from,
    )
    await known(routesOf('plain').v4)
  })

  shows(
    '[row 85] [B-GR-01] [B-GR-02] our speaker is killed and started again, and no route is lost',
    ['restart'],
    async () => {
      const { v4, v6 } = routesOf('plain')
      const allKnown = async (): Promise<void> => {
        for (const cidr of [v4, v6]) expect(await knows(cidr), cidr).toBe(true)
      }
      const isStale = async (): Promise<boolean> =>
        kind.stale!.test(await (daemon.restart === undefined ? daemon.show(v4) : daemon.restart()))
      speaker.child.kill('SIGKILL')
      await eventually(isStale, () => 'that it waits for us')
      await allKnown()
      speaker = begin(lab, [SESSIONS[0]!], { isRestarting: true, initialSyncMs: 60_000 })
      await speaker.event('bgp:established')
      await allKnown()
      speaker.tell({ do: 'synced' })
      const isFresh = async (): Promise<boolean> => !(await isStale())
      await eventually(isFresh, () => `the end of it; ${said(speaker)}`)
      await allKnown()
    },
  )

  test('[B-RIB-09] graceful shutdown: marked first, then withdrawn', async () => {
    const { v4 } = routesOf('plain')
    speaker.tell({ do: 'stop', options: { drainMs: DRAIN_MS, deadlineMs: DRAIN_MS, reason: 'node drained' } })
    const isMarked = async (): Promise<boolean> => GRACEFUL_SHUTDOWN.test(await daemon.show(v4))
    await eventually(isMarked, () => 'the mark')
    await speaker.event('stopped')
    const isGone = async (): Promise<boolean> => !(await knows(v4))
    await eventually(isGone, () => 'the withdrawal')
  })

  shows('its operator reads that the session was ended by us', ['last error'], async () => {
    expect(await daemon.lastError!()).toMatch(/shut ?down|cease/i)
  })
}

/** As FRR, BIRD, GoBGP, OpenBGPD and ExaBGP write 65535:0. */
const GRACEFUL_SHUTDOWN = /graceful.?shutdown|planned-shut|65535[:,] ?0\b/i
const DRAIN_MS = 6_000
/** What a test says that it proves. */
const IDS = /\[[^\]]*\] /g

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

function said(speaker: SpeakerProcess): string {
  return JSON.stringify(speaker.lines.filter(({ name }) => name !== 'shown').slice(-6))
}
