import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODES, type NodeName } from './addresses.ts'
import { PROGRAM_FLAGS, programPath } from './api-server.ts'
import { pause } from './eventually.ts'
import { run, runQuietly, start } from './shell.ts'
import type { Namespaces } from './topology.ts'

/** Whoever asks from the lab's network. */
export type ClientName = 'lan' | 'behind-frr' | 'behind-bird'

export interface Answer {
  /** The node of the pod that served. */
  readonly node: string
  /** The client's address as the pod saw it. */
  readonly client: string
}

export interface GapReport {
  readonly longestMs: number
  readonly answers: number
  /** Nodes that answered, in order of first answer. */
  readonly nodes: readonly string[]
}

/** What clients of the lab's network see. */
export class Clients {
  readonly #spaces: Namespaces

  constructor(spaces: Namespaces) {
    this.#spaces = spaces
  }

  /** The answer to one HTTP request, or undefined when there was none in time. */
  async get(client: ClientName, address: string, timeoutMs = 1_000): Promise<Answer | undefined> {
    const host = address.includes(':') ? `[${address}]` : address
    const curl = ['curl', '-sf', '--noproxy', '*', '-m', String(timeoutMs / 1_000), `http://${host}/`]
    const answer = await run('ip', ['netns', 'exec', this.#space(client), ...curl], {
      timeoutMs: timeoutMs + 5_000,
    }).catch(() => '')
    return answer === '' ? undefined : (JSON.parse(answer) as Answer)
  }

  /** The hardware address that the LAN client has for an address of the LAN. */
  async neighbour(address: string): Promise<string | undefined> {
    const output = await run('ip', ['-n', this.#spaces.client, '-j', 'neigh', 'show', address])
    const entries = JSON.parse(output || '[]') as { lladdr?: string }[]
    return entries[0]?.lladdr
  }

  /** Forgets what the LAN client knows of its neighbours. */
  forgetNeighbours(): void {
    runQuietly('ip', ['-n', this.#spaces.client, 'neigh', 'flush', 'all'])
    runQuietly('ip', ['-n', this.#spaces.client, '-6', 'neigh', 'flush', 'all'])
  }

  /** The node whose hardware address the LAN client has for an address, asking for it when it has none. */
  async owner(address: string): Promise<NodeName | undefined> {
    await this.get('lan', address)
    const mac = await this.neighbour(address)
    return mac === undefined ? undefined : this.#nodeOf(mac)
  }

  async mac(node: NodeName): Promise<string> {
    const output = await run('ip', ['-n', this.#spaces.node(node), '-j', 'link', 'show', 'eth0'])
    const [link] = JSON.parse(output) as [{ address: string }]
    return link.address
  }

  /** The nodes that answer an ARP request or a neighbor solicitation for an address now. */
  async askWho(address: string): Promise<readonly NodeName[]> {
    const args = address.includes(':')
      ? ['ndisc6', '-m', '-w', '500', address, 'eth0']
      : ['arping', '-c', '2', '-w', '1', '-I', 'eth0', address]
    const output = await run('ip', ['netns', 'exec', this.#spaces.client, ...args]).catch(
      (error: { stdout?: string }) => error.stdout ?? '',
    )
    const macs = [...output.matchAll(/([0-9a-f]{2}(?::[0-9a-f]{2}){5})/gi)].map(([mac]) => mac.toLowerCase())
    const nodes = await Promise.all([...new Set(macs)].map(mac => this.#nodeOf(mac)))
    return nodes.filter(node => node !== undefined).sort()
  }

  /** One datagram a millisecond from a client, while something happens. */
  async gapDuring(
    client: ClientName,
    address: string,
    seconds: number,
    happen: () => Promise<void> | void,
  ): Promise<GapReport> {
    const args = [...PROGRAM_FLAGS, programPath('gap'), address, '80', String(seconds)]
    const child = start(this.#space(client), process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    const ended = new Promise(resolve => child.once('exit', resolve))
    const begun = new Promise<void>(resolve =>
      child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('started')) resolve()
      }),
    )
    await begun
    await pause(STEADY_MS)
    await happen()
    await ended
    return JSON.parse(output.split('\n')[1] ?? '{}') as GapReport
  }

  /**
   * Captures on eth0 of a namespace until stopped; answers with what tshark makes of it, a frame a line. The file stays as
   * evidence under this name, until the next capture that has it.
   */
  capture(
    name: string,
    namespace: string,
    filter: string,
  ): { readonly begun: Promise<void>; stop(): Promise<readonly string[]> } {
    const path = join(CAPTURES, `${name}.pcap`)
    mkdirSync(CAPTURES, { recursive: true })
    rmSync(path, { force: true })
    const child = start(namespace, 'tcpdump', ['-U', '--immediate-mode', '-i', 'eth0', '-w', path, filter], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return {
      begun: new Promise(resolve => child.stderr!.once('data', () => resolve())),
      stop: async () => {
        await pause(SETTLE_MS)
        const ended = new Promise(resolve => child.once('exit', resolve))
        child.kill('SIGINT')
        await ended
        return (await run('tshark', ['-n', '-r', path])).split('\n').filter(line => line !== '')
      },
    }
  }

  async #nodeOf(mac: string): Promise<NodeName | undefined> {
    for (const node of NODES) if ((await this.mac(node)) === mac) return node
    return undefined
  }

  #space(client: ClientName): string {
    if (client === 'lan') return this.#spaces.client
    return client === 'behind-frr' ? this.#spaces.farFrr : this.#spaces.farBird
  }
}

const CAPTURES = fileURLToPath(new URL('../../../.cache/captures', import.meta.url))
const STEADY_MS = 500
const SETTLE_MS = 300
