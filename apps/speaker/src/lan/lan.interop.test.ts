import { execFile, execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const V4 = '192.0.2.10'
const V6 = '2001:db8::10'
const NODE = `lan${process.pid}-node`
const CLIENT = `lan${process.pid}-client`

type Line = Record<string, unknown>

let child: ChildProcessByStdio<Writable, Readable, Readable>
let said: Line[]
let complaints: string
let exited: Promise<number | string | null>

beforeEach(async () => {
  for (const name of [NODE, CLIENT]) ip('netns', 'add', name)
  ip('link', 'add', 'e0', 'netns', NODE, 'type', 'veth', 'peer', 'name', 'c0', 'netns', CLIENT)
  ip('-n', NODE, 'link', 'set', 'e0', 'up')
  ip('-n', CLIENT, 'link', 'set', 'c0', 'up')
  ip('-n', CLIENT, 'addr', 'add', '192.0.2.1/24', 'dev', 'c0')
  ip('-n', CLIENT, 'addr', 'add', '2001:db8::1/64', 'dev', 'c0', 'nodad')
  await ready('e0')
  start()
  await seen(line => line['started'] === true)
})

afterEach(async () => {
  child.kill('SIGKILL')
  await exited
  for (const name of [NODE, CLIENT]) ip('netns', 'del', name)
})

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
    expect(await exited).toBe(0)
    expect(said.filter(({ event }) => event === 'l2:lost')).toHaveLength(2)
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
    expect(said.some(({ interface: link }) => link === 'e1')).toBe(false) // the main thread knows of nothing yet
    await seen(({ event, interface: link }) => event === 'l2:gained' && link === 'e1')
  })

  it('an interface that goes down and comes back answers again, both families', async () => {
    tell(`apply ${V4} ${V6}`)
    await seen(({ event, address }) => event === 'l2:gained' && address === V6)
    ip('-n', NODE, 'link', 'set', 'e0', 'down')
    await seen(({ event, address }) => event === 'l2:lost' && address === V6)
    said.length = 0
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
    expect(await exited).toBe(7)
  })

  it('a process that dies of a bug does die', async () => {
    tell('throw')
    expect(await exited).toBe(1)
    expect(complaints).toContain('a bug')
  })
})

function start(): void {
  const script = new URL('./testing/lan-process.ts', import.meta.url).pathname
  said = []
  complaints = ''
  child = spawn('ip', ['netns', 'exec', NODE, process.execPath, '--conditions=development', script], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const process_ = child
  createInterface({ input: process_.stdout }).on('line', line => said.push(JSON.parse(line) as Line))
  process_.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
  exited = new Promise(resolve => process_.once('exit', (code, signal) => resolve(code ?? signal)))
}

function tell(command: string): void {
  child.stdin.write(`${command}\n`)
}

async function seen(wanted: (line: Line) => boolean): Promise<Line> {
  const found = await eventually(() => said.find(wanted))
  if (found === undefined) throw new Error(`not among ${JSON.stringify(said)} ${complaints}`)
  return found
}

async function counted(address: string, what: string, least: number): Promise<void> {
  const enough = await eventually(() => {
    tell('counters')
    const last = said.findLast(({ counters }) => counters !== undefined)?.['counters'] as
      { addresses: Record<string, Record<string, number>> } | undefined
    return (last?.addresses[address]?.[what] ?? 0) >= least ? true : undefined
  })
  expect(enough, JSON.stringify(said.at(-1))).toBe(true)
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
