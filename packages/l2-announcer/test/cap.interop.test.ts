import { isCapInstalled } from '@metallb-ts/linux-net/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, Lab, type Namespace, type Talk } from './netns.ts'

/** The back end through libpcap: what the packet sockets promise, and an interface's end, which its process does not survive. */
const V4 = '192.0.2.10'
const V6 = '2001:db8::10'

if (!isCapInstalled()) console.warn('cap is not installed: the back end through libpcap is not tested')

describe.skipIf(!isCapInstalled())('through libpcap', () => {
  let lab: Lab
  let host: Namespace
  let client: Namespace
  let speaker: Talk

  beforeAll(async () => {
    lab = new Lab()
    host = lab.namespace('host')
    client = lab.namespace('client')
    lab.wire(client, 'c0', host, 'e0')
    client.ip('addr', 'add', '192.0.2.1/24', 'dev', 'c0')
    client.ip('addr', 'add', '2001:db8::1/64', 'dev', 'c0', 'nodad')
    await ready('e0')
  })

  afterAll(() => lab.remove())

  beforeEach(async () => {
    speaker = host.start(new URL('./host.ts', import.meta.url), 'cap')
    speaker.tell({ apply: [{ address: V4 }, { address: V6 }] })
    await gained(V6)
    await eventually(answers, Boolean) // nobody is told before its process reads, which takes a moment to start
  })

  afterEach(async () => {
    expect(await speaker.stop()).toBe(0)
    await eventually(
      () => children(),
      count => count === 0,
    )
  })

  it('[row 27] [row 28] both families are answered at the interface’s hardware address', async () => {
    expect(await answers()).toBe(true)
    const { output } = await client.run('ndisc6', '-1', V6, 'c0')
    expect(output.toLowerCase()).toContain(host.macOf('e0'))
  })

  it('[row 29] a neighbour that holds the old owner follows the announcement', async () => {
    expect(await answers()).toBe(true)
    client.ip('neigh', 'replace', V4, 'lladdr', '02:00:00:00:00:99', 'dev', 'c0', 'nud', 'reachable')
    speaker.tell({ apply: [{ address: V6 }] })
    speaker.tell({ apply: [{ address: V4 }, { address: V6 }] })
    await eventually(
      () => client.ip('neigh', 'show', V4, 'dev', 'c0'),
      shown => shown.includes(host.macOf('e0')),
    )
  })

  it('an interface that goes down takes its process with it, and nothing else; up again it is answered on', async () => {
    expect(await answers()).toBe(true)
    host.ip('link', 'set', 'e0', 'down')
    await eventually(
      () => children(),
      count => count === 0,
    )
    speaker.said.length = 0
    host.ip('link', 'set', 'e0', 'up')
    await gained(V4)
    await eventually(answers, Boolean)
    await ready('e0')
    await gained(V6)
    await eventually(
      async () => (await client.run('ndisc6', '-1', V6, 'c0')).code,
      code => code === 0,
    )
  })

  it('its process killed, another takes its place', async () => {
    expect(await answers()).toBe(true)
    const [pid] = pids()
    process.kill(pid!, 'SIGKILL')
    await eventually(() => pids().some(each => each !== pid), Boolean)
    await eventually(answers, Boolean)
  })

  async function answers(): Promise<boolean> {
    return (await client.run('arping', '-c', '1', '-w', '2', '-I', 'c0', V4)).code === 0
  }

  async function gained(address: string): Promise<void> {
    await eventually(
      () => speaker.said,
      said => said.some(each => each['event'] === 'l2:gained' && each['address'] === address),
    )
  }

  async function ready(link: string): Promise<void> {
    await eventually(
      () => host.ip('-6', 'addr', 'show', 'dev', link),
      shown => shown.includes('fe80::') && !shown.includes('tentative'),
    )
  }

  /** Of the processes in the host's namespace those that read an interface. */
  function pids(): readonly number[] {
    return host.pidsOf('cap-child')
  }

  function children(): number {
    return pids().length
  }
})
