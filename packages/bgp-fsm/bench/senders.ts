import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { eventually, type Lab } from '../test/interop/lab.ts'
import { tableDump } from './mrt.ts'
import { Control, ROUTER_ASN, SENDER_ASN } from './receivers.ts'
import { COMMUNITY_ASN, hostText } from './routes.ts'

export interface Load {
  readonly count: number
  /** Sets of attributes, one community each. */
  readonly sets: number
}

/** A speaker that has its routes, and waits for the router to dial. */
export interface Sender {
  /** Takes every route back, the session stays. */
  withdraw(): void
  /** Processor time that it has taken, of all its threads. */
  cpuMs(): number
}

export interface SenderKind {
  readonly name: string
  readonly program: string
  start(lab: Lab, load: Load): Promise<Sender>
}

const OURS: SenderKind = {
  name: 'bgp-fsm',
  program: process.execPath,
  start: async (lab, { count, sets }) => {
    const child = lab.spawn(lab.us, process.execPath, [
      '--conditions=development',
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'our-sender.ts'),
      `${count}`,
      `${sets}`,
    ])
    await new Promise(resolve => child.stdout!.once('data', resolve))
    return { withdraw: () => void child.stdin!.write('withdraw\n'), cpuMs: () => cpuMs(child) }
  },
}

const GOBGP: SenderKind = {
  name: 'GoBGP',
  program: '/usr/bin/gobgpd',
  start: async (lab, { count, sets }) => {
    const conf = lab.file(
      'gobgpd.toml',
      `
[global.config]
  as = ${SENDER_ASN}
  router-id = "192.0.2.10"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.1"
    peer-as = ${ROUTER_ASN}
  [neighbors.transport.config]
    passive-mode = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
`,
    )
    const child = lab.spawn(lab.us, '/usr/bin/gobgpd', ['-f', conf, '--log-level=error'])
    const dump = join(lab.folder, 'routes.mrt')
    writeFileSync(dump, tableDump(count, sets))
    const gobgp = (...args: readonly string[]): string =>
      execFileSync('ip', ['netns', 'exec', lab.us, 'gobgp', ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    await eventually(
      () => gobgp('global') !== '',
      () => 'gobgpd',
    )
    gobgp('mrt', 'inject', 'global', dump, '--only-best', '--no-ipv6', '--nexthop', '192.0.2.10')
    await eventually(
      () => gobgp('global', 'rib', 'summary').includes(`Destination: ${count},`),
      () => `gobgpd's routes, ${gobgp('global', 'rib', 'summary')}`,
    )
    return {
      withdraw: () => {
        lab.spawn(lab.us, 'gobgp', ['global', 'rib', 'del', 'all'])
      },
      cpuMs: () => cpuMs(child),
    }
  },
}

const BIRD: SenderKind = {
  name: 'BIRD',
  program: '/usr/sbin/bird',
  start: async (lab, { count, sets }) => {
    const route = (i: number): string =>
      `  route ${hostText(i)}/32 blackhole { bgp_community.add((${COMMUNITY_ASN},${i % sets})); };`
    const conf = lab.file(
      'sender.conf',
      `
router id 192.0.2.10;
protocol device {}
protocol static hosts {
  ipv4;
${Array.from({ length: count }, (_, i) => route(i)).join('\n')}
}
protocol bgp upstream {
  local 192.0.2.10 as ${SENDER_ASN};
  neighbor 192.0.2.1 as ${ROUTER_ASN};
  passive on;
  ipv4 { import none; export all; };
}
`,
    )
    const socket = join(lab.folder, 'sender.ctl')
    const child = lab.spawn(lab.us, 'bird', ['-f', '-c', conf, '-s', socket, '-P', join(lab.folder, 'sender.pid')])
    const control = await Control.open(socket, '\n', /^\d{4} .*\n$/m)
    await control.next()
    await control.ask('show status')
    return { withdraw: () => void control.ask('disable hosts'), cpuMs: () => cpuMs(child) }
  },
}

const FRR: SenderKind = {
  name: 'FRR',
  program: '/usr/lib/frr/bgpd',
  start: async (lab, { count, sets }) => {
    const maps = Array.from(
      { length: sets },
      (_, i) => `route-map SET${i} permit 10\n set community ${COMMUNITY_ASN}:${i}\n`,
    )
    const networks = Array.from({ length: count }, (_, i) => `  network ${hostText(i)}/32 route-map SET${i % sets}`)
    const conf = lab.file(
      'sender.conf',
      `
${maps.join('')}
ip prefix-list NONE seq 5 deny any
router bgp ${SENDER_ASN}
 bgp router-id 192.0.2.10
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.0.2.1 remote-as ${ROUTER_ASN}
 neighbor 192.0.2.1 passive
 address-family ipv4 unicast
${networks.join('\n')}
 exit-address-family
`,
    )
    const folder = join(lab.folder, 'sender')
    lab.sh(lab.us, `mkdir -m 777 ${folder}`)
    const child = lab.spawn(lab.us, '/usr/lib/frr/bgpd', [
      '-n', '-Z', '-S', '-f', conf, '-i', join(folder, 'pid'), '-P', '0', '-z', join(folder, 'zserv.api'), '--vty_socket', folder,
    ]) // prettier-ignore
    const control = await Control.open(join(folder, 'bgpd.vty'), '\0', /\0\0\0[\s\S]$/)
    await control.ask('enable')
    for (;;) {
      const text = await control.ask('show bgp ipv4 unicast statistics json')
      if (text.includes(`"totalPrefixes":${count}`)) break
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    return {
      withdraw: () => {
        void (async () => {
          for (const line of [
            'configure terminal',
            `router bgp ${SENDER_ASN}`,
            'address-family ipv4 unicast',
            'neighbor 192.0.2.1 prefix-list NONE out',
          ])
            await control.ask(line)
        })()
      },
      cpuMs: () => cpuMs(child),
    }
  },
}

const EXABGP: SenderKind = {
  name: 'ExaBGP',
  program: '/usr/sbin/exabgp',
  start: async (lab, { count, sets }) => {
    const pipe = join(lab.folder, 'commands')
    execFileSync('mkfifo', [pipe])
    const read = lab.file('read.sh', `exec cat <> ${pipe}\n`)
    const route = (i: number): string =>
      `    route ${hostText(i)}/32 next-hop self community [ ${COMMUNITY_ASN}:${i % sets} ];`
    const conf = lab.file(
      'exabgp.conf',
      `
process commands { run /bin/sh ${read}; encoder text; }
neighbor 192.0.2.1 {
  router-id 192.0.2.10;
  local-address 192.0.2.10;
  local-as ${SENDER_ASN};
  peer-as ${ROUTER_ASN};
  family { ipv4 unicast; }
  api { processes [ commands ]; }
  static {
${Array.from({ length: count }, (_, i) => route(i)).join('\n')}
  }
}
`,
    )
    const log = ['log.destination=stderr', 'log.level=CRIT']
    const settings = ['daemon.user=root', 'daemon.drop=false', 'api.ack=false', 'api.cli=false', ...log]
    const child = lab.spawn(lab.us, '/usr/bin/env', [...settings.map(one => `exabgp.${one}`), 'exabgp', conf])
    return {
      withdraw: () => {
        const lines = Array.from({ length: count }, (_, i) => `withdraw route ${hostText(i)}/32 next-hop self`)
        lab.file('withdrawals', `${lines.join('\n')}\n`)
        lab.spawn(lab.us, '/bin/sh', ['-c', `cat ${join(lab.folder, 'withdrawals')} > ${pipe}`])
      },
      cpuMs: () => cpuMs(child),
    }
  },
}

/** Ours, and what one would use instead. */
export const SENDERS: readonly SenderKind[] = [OURS, GOBGP, BIRD, FRR, EXABGP]

function cpuMs({ pid }: ChildProcess): number {
  const tasks = `/proc/${pid}/task`
  const spent = readdirSync(tasks).map(task =>
    Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]),
  )
  return spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6
}
