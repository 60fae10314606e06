import { execFile, execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { electOwner } from '@metallb-ts/l2-announcer'
import { address } from '@metallb-ts/netip'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const V4 = '192.0.2.10'
const V6 = '2001:db8::10'
const NODE = `lan${process.pid}-node`
const CLIENT = `lan${process.pid}-client`
const OTHER = `lan${process.pid}-other`

type Line = Record<string, unknown>

let speaker: Speaker
const speakers: Speaker[] = []

beforeEach(async () => {
  for (const name of [NODE, CLIENT]) ip('netns', 'add', name)
  ip('link', 'add', 'e0', 'netns', NODE, 'type', 'veth', 'peer', 'name', 'c0', 'netns', CLIENT)
  ip('-n', NODE, 'link', 'set', 'e0', 'up')
  ip('-n', CLIENT, 'link', 'set', 'c0', 'up')
  ip('-n', CLIENT, 'addr', 'add', '192.0.2.1/24', 'dev', 'c0')
  ip('-n', CLIENT, 'addr', 'add', '2001:db8::1/64', 'dev', 'c0', 'nodad')
  await ready('e0')
  speaker = new Speaker(NODE)
  await seen(line => line['started'] === true)
})

afterEach(async () => {
  for (const { child } of speakers) child.kill('SIGKILL')
  await Promise.all(speakers.splice(0).map(({ exited }) => exited))
  removeNamespaces()
})

process.on('exit', removeNamespaces)

describe('the LAN thread', () => {
  it('[row 27] [row 28] answers for what is applied, tells of it, counts it, and stops', async () => {
    tell(`apply ${V4} ${V6}`)
    await seen(({ event, address }) => event === 'l2:gained' && address === V4)
    await seen(({ event, address }) => event === 'l2:gained' && address === V6)
    expect(await asks('arping', '-c', '2', '-I', 'c0', V4)).toBe(0)
    expect(await asks('ndisc6', '-1', V6, 'c0')).toBe(0)
    await counted(V4, 'responsesSent', 2)
    await counted(V6, 'responsesSent', 1)
    tell('links')
    expect(await seen(({ links }) => links !== undefined)).toMatchObject({
      links: [
        { name: 'lo', arp: 'loopback' },
        { name: 'e0', arp: 'used', ndp: 'used', hasCarrier: true },
      ],
    })
    tell('stop')
    await seen(({ stopped }) => stopped === true)
    expect(await speaker.exited).toBe(0)
    expect(speaker.said.filter(({ event }) => event === 'l2:lost')).toHaveLength(2)
    expect(await asks('arping', '-c', '1', '-w', '1', '-I', 'c0', V4)).toBe(1)
  })

  it('a main thread that stalls changes nothing for the LAN: answers, and interfaces that come', async () => {
    tell(`apply ${V4} ${V6}`)
    await seen(({ event, address }) => event === 'l2:gained' && address === V6)
    tell('stall 8000')
    await seen(({ stalled }) => stalled === true)
    expect(await asks('arping', '-c', '1', '-w', '1', '-I', 'c0', V4)).toBe(0)
    expect(await asks('ndisc6', '-1', V6, 'c0')).toBe(0)
    ip('link', 'add', 'e1', 'netns', NODE, 'type', 'veth', 'peer', 'name', 'c1', 'netns', CLIENT)
    ip('-n', NODE, 'link', 'set', 'e1', 'up')
    ip('-n', CLIENT, 'link', 'set', 'c1', 'up')
    expect(await asks('arping', '-c', '1', '-w', '3', '-I', 'c1', '-s', '192.0.2.1', V4)).toBe(0)
    expect(speaker.said.some(({ interface: link }) => link === 'e1')).toBe(false) // the main thread knows of nothing yet
    await seen(({ event, interface: link }) => event === 'l2:gained' && link === 'e1')
  })

  it('an interface that goes down and comes back answers again, both families', async () => {
    tell(`apply ${V4} ${V6}`)
    await seen(({ event, address }) => event === 'l2:gained' && address === V6)
    ip('-n', NODE, 'link', 'set', 'e0', 'down')
    await seen(({ event, address }) => event === 'l2:lost' && address === V6)
    speaker.said.length = 0
    ip('-n', NODE, 'link', 'set', 'e0', 'up')
    await seen(({ event, address }) => event === 'l2:gained' && address === V4)
    await seen(({ event, address }) => event === 'l2:gained' && address === V6)
    expect(await asks('arping', '-c', '1', '-w', '3', '-I', 'c0', V4)).toBe(0)
    expect(await asks('ndisc6', '-1', V6, 'c0')).toBe(0)
  })

  it('an interface plugged in answers for both families; [row 36] one excluded by name never', async () => {
    tell(`apply ${V4} ${V6}`)
    for (const [node, client] of [
      ['e1', 'c1'],
      ['not1', 'n1'],
    ] as const) {
      ip('link', 'add', node, 'netns', NODE, 'type', 'veth', 'peer', 'name', client, 'netns', CLIENT)
      ip('-n', CLIENT, 'link', 'set', client, 'up')
      ip('-n', NODE, 'link', 'set', node, 'up')
    }
    await seen(({ event, interface: link, address }) => event === 'l2:gained' && link === 'e1' && address === V6)
    await ready('not1')
    expect(await asks('arping', '-c', '1', '-w', '3', '-I', 'c1', '-s', '192.0.2.1', V4)).toBe(0)
    expect(await asks('arping', '-c', '1', '-w', '1', '-I', 'n1', '-s', '192.0.2.1', V4)).toBe(1)
  })

  it('a process that exits without stopping it does exit', async () => {
    tell(`apply ${V4}`)
    await seen(({ event }) => event === 'l2:gained')
    tell('exit')
    expect(await speaker.exited).toBe(7)
  })

  it('a process that dies of a bug does die', async () => {
    tell('throw')
    expect(await speaker.exited).toBe(1)
    expect(speaker.complaints).toContain('a bug')
  })
})

describe('two LAN threads', () => {
  it('[row 37] hear each other, notice a death and a goodbye, and a stall of the main thread is neither', async () => {
    ip('-n', NODE, 'addr', 'add', '192.0.2.11/24', 'dev', 'e0')
    const peers = 'peers a=192.0.2.11 b=192.0.2.1'
    const a = new Speaker(NODE, 'a', '192.0.2.11')
    const b = new Speaker(CLIENT, 'b', '192.0.2.1')
    for (const each of [a, b]) {
      await each.seen(({ started }) => started === true)
      each.tell(peers)
    }
    await a.seen(({ event, node }) => event === 'member:joined' && node === 'b')
    await b.seen(({ event, node }) => event === 'member:joined' && node === 'a')
    a.tell('stall 3000')
    await a.seen(({ stalled }) => stalled === false)
    expect(b.said.some(({ event }) => event === 'member:left')).toBe(false)
    a.tell('stop')
    expect(await b.seen(({ event }) => event === 'member:left')).toMatchObject({ node: 'a', cause: 'left' })
    const again = new Speaker(NODE, 'a', '192.0.2.11')
    b.said.length = 0
    await again.seen(({ started }) => started === true)
    again.tell(peers)
    await b.seen(({ event, node }) => event === 'member:joined' && node === 'a')
    again.child.kill('SIGKILL')
    expect(await b.seen(({ event }) => event === 'member:left')).toMatchObject({ node: 'a', cause: 'dead' })
  })
})

describe('an owner whose link is cut', () => {
  it('[row 37] is followed by the next, and takes its address back, while both main threads stall', async () => {
    // The client is the bridge; each node hangs on a port of it.
    ip('netns', 'add', OTHER)
    ip('link', 'add', 'e0', 'netns', OTHER, 'type', 'veth', 'peer', 'name', 'c1', 'netns', CLIENT)
    ip('-n', CLIENT, 'link', 'add', 'lan', 'type', 'bridge', 'forward_delay', '0')
    ip('-n', CLIENT, 'addr', 'flush', 'dev', 'c0')
    ip('-n', CLIENT, 'addr', 'add', '192.0.2.1/24', 'dev', 'lan')
    for (const port of ['c0', 'c1']) ip('-n', CLIENT, 'link', 'set', port, 'master', 'lan', 'up')
    ip('-n', CLIENT, 'link', 'set', 'lan', 'up')
    ip('-n', OTHER, 'link', 'set', 'e0', 'up')
    ip('-n', NODE, 'addr', 'add', '192.0.2.11/24', 'dev', 'e0')
    ip('-n', OTHER, 'addr', 'add', '192.0.2.12/24', 'dev', 'e0')
    const owner = electOwner([{ node: 'a' }, { node: 'b' }], address(V4)).owner!
    const nodes = { a: { namespace: NODE, port: 'c0' }, b: { namespace: OTHER, port: 'c1' } }
    const macOf = (node: string): string => {
      const shown = ip('-n', nodes[node as 'a' | 'b'].namespace, 'link', 'show', 'e0')
      return /link\/ether (\S+)/.exec(shown)![1]!
    }
    const successor = owner === 'a' ? 'b' : 'a'
    const both = [new Speaker(NODE, 'a', '192.0.2.11'), new Speaker(OTHER, 'b', '192.0.2.12')]
    for (const each of both) await each.seen(({ started }) => started === true)
    for (const each of both) each.tell('peers a=192.0.2.11 b=192.0.2.12')
    for (const each of both) each.tell(`contest ${V4} a b`)
    await both[owner === 'a' ? 0 : 1]!.seen(({ event }) => event === 'l2:gained')
    for (const each of both) await each.seen(({ event, node }) => event === 'member:joined' && node === 'b')
    for (const each of both) each.tell('stall 12000')
    for (const each of both) await each.seen(({ stalled }) => stalled === true)

    const neighborBecomes = async (node: string): Promise<void> => {
      const shown = (): string => ip('-n', CLIENT, 'neigh', 'show', V4, 'dev', 'lan')
      const found = await eventually(() => (shown().includes(macOf(node)) ? true : undefined))
      expect(found, shown()).toBe(true)
    }
    ip('-n', CLIENT, 'neigh', 'replace', V4, 'lladdr', macOf(owner), 'dev', 'lan', 'nud', 'reachable')
    ip('-n', CLIENT, 'link', 'set', nodes[owner as 'a' | 'b'].port, 'down')
    await neighborBecomes(successor)
    ip('-n', CLIENT, 'link', 'set', nodes[owner as 'a' | 'b'].port, 'up')
    await neighborBecomes(owner)
    expect(await asks('arping', '-b', '-c', '1', '-w', '1', '-I', 'lan', V4)).toBe(0)
    for (const each of both) expect(each.said.some(({ stalled }) => stalled === false)).toBe(false)
  })
})

class Speaker {
  readonly said: Line[] = []
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exited: Promise<number | string | null>
  complaints = ''

  constructor(namespace: string, ...args: string[]) {
    const script = new URL('./testing/lan-process.ts', import.meta.url).pathname
    const command = ['netns', 'exec', namespace, process.execPath, '--conditions=development', script, ...args]
    this.child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.child.stdout }).on('line', line => this.said.push(JSON.parse(line) as Line))
    this.child.stderr.on('data', (data: Buffer) => (this.complaints += data.toString()))
    this.exited = new Promise(resolve => this.child.once('exit', (code, signal) => resolve(code ?? signal)))
    speakers.push(this)
  }

  tell(command: string): void {
    this.child.stdin.write(`${command}\n`)
  }

  async seen(wanted: (line: Line) => boolean): Promise<Line> {
    const found = await eventually(() => this.said.find(wanted))
    if (found === undefined) throw new Error(`not among ${JSON.stringify(this.said)} ${this.complaints}`)
    return found
  }
}

function tell(command: string): void {
  speaker.tell(command)
}

function seen(wanted: (line: Line) => boolean): Promise<Line> {
  return speaker.seen(wanted)
}

function removeNamespaces(): void {
  for (const name of [NODE, CLIENT, OTHER]) {
    try {
      ip('netns', 'del', name)
    } catch {
      // not there
    }
  }
}

async function counted(address: string, what: string, least: number): Promise<void> {
  const enough = await eventually(() => {
    tell('counters')
    const last = speaker.said.findLast(({ counters }) => counters !== undefined)?.['counters'] as
      { addresses: Record<string, Record<string, number>> } | undefined
    return (last?.addresses[address]?.[what] ?? 0) >= least ? true : undefined
  })
  expect(enough, JSON.stringify(speaker.said.at(-1))).toBe(true)
}

async function eventually<T>(read: () => T | undefined): Promise<T | undefined> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const value = read()
    if (value !== undefined) return value
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return undefined
}

async function ready(link: string): Promise<void> {
  const found = await eventually(() => {
    const shown = ip('-n', NODE, '-6', 'addr', 'show', 'dev', link)
    return shown.includes('fe80::') && !shown.includes('tentative') ? true : undefined
  })
  expect(found).toBe(true)
}

/** The exit code of a command of the client's. */
function asks(command: string, ...args: string[]): Promise<number> {
  return new Promise(resolve => {
    execFile('ip', ['netns', 'exec', CLIENT, command, ...args], { timeout: 30_000 }, error => {
      resolve(error === null ? 0 : typeof error.code === 'number' ? error.code : -1)
    })
  })
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
