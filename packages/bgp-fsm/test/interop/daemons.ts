import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from './lab.ts'
import {
  DAEMON_ASN,
  daemonAddress,
  isSix,
  OUR_ASN,
  SESSIONS,
  type MatrixSession,
  type SessionName,
} from './sessions.ts'

/** What its own command line answers and does. */
export interface Daemon {
  /** What it says of this prefix; without our large community in it, it does not know it. */
  show(cidr: string): Promise<string>
  /** Asks us to announce everything of the plain session again. */
  refresh?(): Promise<unknown>
  /** What it says while it waits for the peer of the plain session to come back. @default what it shows of the route */
  restart?(): Promise<string>
  /** What it says of how the plain session ended. */
  lastError?(): Promise<string>
}

export interface DaemonKind {
  readonly name: string
  readonly programs: readonly string[]
  /** How it writes a large community. */
  readonly large: string
  /** How it says that routes wait for a peer that restarts. */
  readonly stale?: RegExp
  /** What Debian's version cannot do, and how that shows. */
  readonly lacks: Readonly<Partial<Record<Lack, string>>>
  start(lab: Lab): Daemon
}

export type Lack = SessionName | 'two-octets ipv6' | 'restart' | 'refresh' | 'extended next hop' | 'last error'

const FRR: DaemonKind = {
  name: 'FRR',
  programs: ['/usr/lib/frr/bgpd', '/usr/bin/vtysh'],
  large: `${OUR_ASN}:1:7`,
  stale: /stale/i,
  lacks: { 'two-octets ipv6': 'it leaves capability 65 out only with all others, multiprotocol among them' },
  start: lab => {
    const neighbour = (session: MatrixSession): string => {
      const is = ` neighbor ${session.source}`
      const families = session.twoOctets === true ? ['ipv4'] : ['ipv4', 'ipv6']
      return [
        `${is} remote-as ${OUR_ASN}`,
        session.dials === undefined ? `${is} passive` : `${is} timers connect 1`,
        ...(session.password === undefined ? [] : [`${is} password ${session.password}`]),
        ...(session.ttlSecurity === undefined ? [] : [`${is} ttl-security hops 1`]),
        ...(session.twoOctets === undefined ? [] : [`${is} dont-capability-negotiate`]),
        ...(isSix(session) ? [`${is} capability extended-nexthop`] : []),
        ...families.map(family => ` address-family ${family} unicast\n ${is} activate\n exit-address-family`),
      ].join('\n')
    }
    const frr = lab.frr(`
router bgp ${DAEMON_ASN}
 bgp router-id 192.0.2.1
 bgp graceful-restart
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
${SESSIONS.map(neighbour).join('\n')}
`)
    const vtysh = (command: string): Promise<string> => lab.ask(...frr.asking(command))
    return {
      show: cidr => vtysh(`show bgp ${cidr.includes(':') ? 'ipv6' : 'ipv4'} unicast ${cidr}`),
      refresh: () => vtysh('clear bgp ipv4 unicast 192.0.2.10 soft in'),
      lastError: () => vtysh('show bgp neighbors 192.0.2.10'),
    }
  },
}

const BIRD: DaemonKind = {
  name: 'BIRD',
  programs: ['/usr/sbin/bird'],
  large: `(${OUR_ASN}, 1, 7)`,
  stale: /graceful restart active/,
  lacks: {},
  start: lab => {
    const protocol = (session: MatrixSession): string => `
protocol bgp to_${session.name.replaceAll('-', '_')} {
  local ${daemonAddress(session)} as ${DAEMON_ASN};
  neighbor ${session.source} external;
  ${session.dials === undefined ? 'passive on;' : 'connect delay time 1;'}
  error wait time 1, 5;
  ${session.password === undefined ? '' : `password "${session.password}";`}
  ${session.ttlSecurity === undefined ? '' : 'ttl security on;'}
  ${session.twoOctets === undefined ? '' : 'enable as4 off;'}
  graceful restart aware;
  ipv4 { import all; export none; ${isSix(session) ? 'extended next hop on;' : ''} };
  ipv6 { import all; export none; };
}`
    const bird = lab.bird(`
router id 192.0.2.1;
protocol device {}
protocol direct { ipv4; ipv6; }
${SESSIONS.map(protocol).join('\n')}
`)
    const birdc = (command: string): Promise<string> => lab.ask(...bird.asking(command))
    return {
      show: cidr => birdc(`show route all where net = ${cidr}`),
      refresh: () => birdc('reload in to_plain'),
      restart: () => birdc('show protocols all to_plain'),
      lastError: () => birdc('show protocols all to_plain'),
    }
  },
}

const GOBGP: DaemonKind = {
  name: 'GoBGP',
  programs: ['/usr/bin/gobgpd', '/usr/bin/gobgp'],
  large: `${OUR_ASN}:1:7`,
  stale: /^S/m,
  lacks: {
    'two-octets': 'it cannot be told to leave capability 65 out',
    refresh: 'its soft reset reads again what it kept of us, and counts no Route Refresh as sent',
    'last error': 'its neighbor command does not say how a session ended',
  },
  start: lab => {
    const neighbour = (session: MatrixSession): string => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${session.source}"
    peer-as = ${OUR_ASN}
    ${session.password === undefined ? '' : `auth-password = "${session.password}"`}
  [neighbors.transport.config]
    passive-mode = ${session.dials === undefined}
    local-address = "${daemonAddress(session)}"
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
  ${session.ttlSecurity === undefined ? '' : '[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255'}
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
`
    const conf = lab.file(
      'gobgpd.toml',
      `[global.config]\n  as = ${DAEMON_ASN}\n  router-id = "192.0.2.1"\n${SESSIONS.filter(
        ({ name }) => GOBGP.lacks[name] === undefined,
      )
        .map(neighbour)
        .join('')}`,
    )
    lab.spawn(lab.router, '/usr/bin/gobgpd', ['-f', conf, '--log-level=error'])
    return { show: cidr => lab.ask('gobgp', 'global', 'rib', cidr, '-a', cidr.includes(':') ? 'ipv6' : 'ipv4') }
  },
}

const OPENBGPD: DaemonKind = {
  name: 'OpenBGPD',
  programs: ['/usr/sbin/bgpd', '/usr/sbin/bgpctl'],
  large: `${OUR_ASN}:1:7`,
  stale: /stale/,
  lacks: {
    md5: 'on Linux its listening socket has no key, and the kernel counts TCPMD5Unexpected',
    'six-md5': 'on Linux its listening socket has no key, and the kernel counts TCPMD5Unexpected',
    'extended next hop': 'version 7.7 has no RFC 8950',
  },
  start: lab => {
    const neighbour = (session: MatrixSession): string => `
neighbor ${session.source} {
  remote-as ${OUR_ASN}
  local-address ${daemonAddress(session)}
  ${session.dials === undefined ? 'passive' : ''}
  announce IPv4 unicast
  announce IPv6 unicast
  ${session.password === undefined ? '' : `tcp md5sig password ${session.password}`}
  ${session.ttlSecurity === undefined ? '' : 'ttl-security yes'}
  ${session.twoOctets === undefined ? '' : 'announce as-4byte no'}
}`
    const socket = join(lab.folder, 'bgpd.sock')
    const conf = lab.file(
      'openbgpd.conf',
      `
AS ${DAEMON_ASN}
router-id 192.0.2.1
fib-update no
nexthop qualify via default
socket "${socket}"
listen on 192.0.2.1
listen on 2001:db8::1
${SESSIONS.filter(({ name }) => OPENBGPD.lacks[name] === undefined)
  .map(neighbour)
  .join('\n')}
allow from any
deny to any
`,
    )
    execFileSync('chmod', ['600', conf])
    mkdirSync('/run/openbgpd', { recursive: true }) // its chroot, which nobody makes where there is no systemd
    lab.spawn(lab.router, '/usr/sbin/bgpd', ['-d', '-f', conf])
    const bgpctl = (...args: readonly string[]): Promise<string> => lab.ask('bgpctl', '-s', socket, ...args)
    return {
      show: cidr => bgpctl('show', 'rib', 'detail', cidr),
      refresh: () => bgpctl('neighbor', '192.0.2.10', 'refresh'),
      lastError: () => bgpctl('show', 'neighbor', '192.0.2.10'),
    }
  },
}

/** RFC 6793: who speaks two octets knows a larger AS number as this. */
const AS_TRANS = 23_456

const EXABGP: DaemonKind = {
  name: 'ExaBGP',
  programs: ['/usr/sbin/exabgp', '/usr/sbin/exabgpcli'],
  large: `${OUR_ASN}:1:7`,
  lacks: {
    restart: 'it forgets what it received as soon as its peer is back',
    'last error': 'its command line does not say how a session ended',
  },
  start: lab => {
    const neighbour = (session: MatrixSession): string => `
neighbor ${session.source} {
  router-id 192.0.2.1;
  local-address ${daemonAddress(session)};
  local-as ${DAEMON_ASN};
  peer-as ${session.twoOctets === undefined ? OUR_ASN : AS_TRANS};
  ${session.dials === undefined ? 'passive;' : ''}
  ${session.password === undefined ? '' : `md5-password "${session.password}";`}
  ${session.ttlSecurity === undefined ? '' : 'outgoing-ttl 255; incoming-ttl 255;'}
  capability {
    route-refresh;
    ${session.twoOctets === undefined ? '' : 'asn4 disable;'}
    ${isSix(session) ? 'nexthop enable;' : ''}
  }
  family { ipv4 unicast; ipv6 unicast; }
  ${isSix(session) ? 'nexthop { ipv4 unicast ipv6; }' : ''}
}`
    const conf = lab.file('exabgp.conf', SESSIONS.map(neighbour).join('\n'))
    lab.sh(lab.router, 'sysctl -qw net.ipv4.ip_default_ttl=255') // what its listening socket answers has the system's
    const pipes = join(lab.folder, 'run', 'exabgp')
    mkdirSync(pipes, { recursive: true })
    execFileSync('mkfifo', [join(pipes, 'exabgp.in'), join(pipes, 'exabgp.out')])
    const settings = [
      'daemon.user=root',
      'daemon.drop=false',
      'log.destination=stderr',
      'log.level=CRIT',
      'tcp.bind=192.0.2.1 2001:db8::1',
      'tcp.port=179',
    ]
    const root = ['--root', lab.folder]
    lab.spawn(lab.router, '/usr/bin/env', [...settings.map(one => `exabgp.${one}`), 'exabgp', ...root, conf])
    const exabgpcli = (...command: readonly string[]): Promise<string> => lab.ask('exabgpcli', ...root, ...command)
    return {
      show: async cidr => {
        const lines = (await exabgpcli('show', 'adj-rib', 'in', 'extensive')).split('\n')
        return lines.filter(line => line.includes(` ${cidr} `)).join('\n')
      },
      refresh: () => exabgpcli('neighbor', '192.0.2.10', 'announce', 'route-refresh', 'ipv4', 'unicast'),
    }
  },
}

export const DAEMONS: readonly DaemonKind[] = [FRR, BIRD, GOBGP, OPENBGPD, EXABGP]
