import { spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ipBatch, start } from '../../src/shell.ts'

/** Addresses of the one namespace in which all of the benchmark lives. */
export const NODE = '10.80.0.1'
export const ROUTER = '10.80.0.2'
/** Answers no SYN. */
export const SILENT = '10.80.0.3'
/** Refuses every connection. */
export const REFUSING = '10.80.0.4'
export const BGP_PORT = 1_790

const BGPD = '/usr/lib/frr/bgpd'

export function buildNetwork(space: string): void {
  ipBatch([`netns add ${space}`])
  process.once('exit', () => removeNetwork(space))
  const addresses = [NODE, ROUTER, SILENT, REFUSING].map(one => `address add ${one}/24 dev lo`)
  ipBatch(['link set lo up', ...addresses], space)
  const silence = [
    'add table inet b',
    'add chain inet b i { type filter hook input priority 0; }',
    `add rule inet b i ip daddr ${SILENT} tcp dport ${BGP_PORT} drop`,
  ]
  const { status, stderr } = spawnSync('ip', ['netns', 'exec', space, 'nft', silence.join('; ')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`nft: ${stderr.trim()}`)
}

export function removeNetwork(space: string): void {
  spawnSync('ip', ['netns', 'delete', space])
}

/** FRR's bgpd alone; it writes every prefix that it hears into this log. */
export function startRouter(space: string, folder: string): { readonly process: ChildProcess; readonly log: string } {
  const [log, configuration, vty] = ['bgpd.log', 'bgpd.conf', 'vty'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(log, '')
  writeFileSync(configuration, routerConfig(log))
  mkdirSync(vty)
  spawnSync('chmod', ['-R', '777', folder]) // bgpd gives up being root
  const listen = ['-l', ROUTER, '-p', String(BGP_PORT), '-P', '0', '--vty_socket', vty]
  const args = ['-Z', '-S', '-f', configuration, '-i', join(folder, 'bgpd.pid'), ...listen]
  return { process: start(space, BGPD, args), log }
}

function routerConfig(log: string): string {
  return [
    `log file ${log}`,
    'log timestamp precision 6',
    'debug bgp updates in',
    'router bgp 64513',
    ` bgp router-id ${ROUTER}`,
    ' no bgp ebgp-requires-policy',
    ` neighbor ${NODE} remote-as 64512`,
    ` neighbor ${NODE} passive`,
    ` neighbor ${NODE} update-source ${ROUTER}`,
    ` neighbor ${NODE} disable-connected-check`,
    '',
  ].join('\n')
}
