import { address, BROADCAST_MAC, mac, type Mac } from '@metallb-ts/netip'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gratuitousArp } from '../src/arp.ts'
import { unsolicitedAdvertisement } from '../src/ndp.ts'
import { encodeArp } from '../src/wire/arp.ts'
import { eventually, Lab, type Namespace, type Talk } from './netns.ts'

/**
 * This host, a client and a stranger, all with real kernels, on a bridge that snoops and queries: what no host joined
 * reaches no host.
 */
const V4 = '192.0.2.10'
const V6 = '2001:db8::10'
const HOST_SCRIPT = new URL('./host.ts', import.meta.url)

let lab: Lab
let bridge: Namespace
let host: Namespace
let client: Namespace
let stranger: Namespace
let speaker: Talk

beforeAll(async () => {
  lab = new Lab()
  bridge = lab.namespace('bridge')
  bridge.ip(
    'link',
    'add',
    'sw',
    'type',
    'bridge',
    'mcast_snooping',
    '1',
    'mcast_querier',
    '1',
    'mcast_mld_version',
    '2',
  )
  bridge.ip(
    'link',
    'set',
    'sw',
    'type',
    'bridge',
    'mcast_startup_query_interval',
    '10',
    'mcast_query_response_interval',
    '10',
  )
  bridge.ip('link', 'set', 'sw', 'up')
  host = lab.namespace('host')
  client = lab.namespace('client')
  stranger = lab.namespace('stranger')
  plug(client, 'c0', 'client')
  plug(stranger, 's0', 'stranger')
  for (const [namespace, link, last] of [
    [client, 'c0', '1'],
    [stranger, 's0', '2'],
  ] as const) {
    namespace.ip('addr', 'add', `192.0.2.${last}/24`, 'dev', link)
    namespace.ip('addr', 'add', `2001:db8::${last}/64`, 'dev', link, 'nodad')
  }
  await client.set('net.ipv4.neigh.c0.locktime', 100) // the default, a second, said aloud
  await eventually(
    () => client.ip('-6', 'addr', 'show', 'dev', 'c0'),
    shown => !shown.includes('tentative'),
  )
})

afterAll(() => lab.remove())

beforeEach(async () => {
  plug(host, 'e0', 'host')
  await ready(host, 'e0')
  speaker = host.start(HOST_SCRIPT)
  await eventually(() => speaker.said.some(({ event }) => event === 'link:changed'), Boolean)
})

afterEach(async () => {
  expect(await speaker.stop()).toBe(0)
  for (const link of ['e0', 'e1', 'e9']) tryIp(host, 'link', 'del', link)
  client.ip('neigh', 'flush', 'all')
  tryIp(client, 'link', 'del', 'c0.100')
  tryIp(stranger, 'addr', 'del', `${V6}/64`, 'dev', 's0')
  tryIp(stranger, 'addr', 'del', `${V4}/24`, 'dev', 's0')
})

describe('a Linux client', () => {
  it('[row 27] finds the address by ARP, broadcast and unicast, at the interface’s hardware address', async () => {
    await hold(V4)
    const { code, output } = await client.run('arping', '-c', '3', '-I', 'c0', V4)
    expect([code, output]).toEqual([0, expect.stringContaining('Received 3 response(s)')])
    expect(output).toContain('Sent 3 probes (1 broadcast(s))') // the other two went to us alone
    expect(output).toContain(host.macOf('e0').toUpperCase())
  })

  it('[row 27] RFC 5227: a probe hears that the address is taken', async () => {
    await hold(V4)
    const { code } = await client.run('arping', '-D', '-c', '2', '-w', '3', '-I', 'c0', V4)
    expect(code).toBe(1)
  })

  it('[row 27] what nobody holds is not answered', async () => {
    await hold(V4)
    expect((await client.run('arping', '-c', '1', '-w', '1', '-I', 'c0', '192.0.2.11')).code).toBe(1)
  })

  it('[row 28] finds the address by NDP behind a bridge that snoops', async () => {
    await hold(V6)
    const { output } = await client.run('ndisc6', '-1', V6, 'c0')
    expect(output.toLowerCase()).toContain(host.macOf('e0'))
    const group = bridge.run('bridge', 'mdb', 'show')
    expect((await group).output).toContain('ff02::1:ff00:10')
  })

  it('[row 28] MetalLB leaves its unicast probes unanswered: here the entry stays reachable without another multicast', async () => {
    await hold(V6)
    client.ip('neigh', 'replace', V6, 'lladdr', host.macOf('e0'), 'dev', 'c0', 'nud', 'probe')
    await eventually(
      () => neighbor(V6),
      shown => shown.includes('REACHABLE'),
    )
    await eventually(
      () => count('requests', V6),
      n => n > 0,
    )
  })

  it('[row 27] its unicast ARP probes are answered', async () => {
    await hold(V4)
    client.ip('neigh', 'replace', V4, 'lladdr', host.macOf('e0'), 'dev', 'c0', 'nud', 'probe')
    await eventually(
      () => neighbor(V4),
      shown => shown.includes('REACHABLE'),
    )
  })

  it.each([V4, V6])('[row 29] that holds the old owner, fresh, follows the first announcement: %s', async target => {
    client.ip('neigh', 'replace', target, 'lladdr', '02:00:00:00:00:99', 'dev', 'c0', 'nud', 'reachable')
    await hold(target)
    await eventually(
      () => neighbor(target),
      shown => shown.includes(host.macOf('e0')),
    )
  })

  it('[row 28] MetalLB lets a stranger that checks for duplicates have the address: here it learns that it is taken', async () => {
    await hold(V6)
    await new Promise(resolve => setTimeout(resolve, 2_500)) // nothing unasked is said any more
    stranger.ip('addr', 'add', `${V6}/64`, 'dev', 's0')
    await eventually(
      () => stranger.ip('-6', 'addr', 'show', 'dev', 's0'),
      shown => shown.includes('dadfailed'),
    )
  })

  it.each([V4, V6])('a stranger that claims the address is told of, and contradicted: %s', async target => {
    await hold(target)
    client.ip('neigh', 'replace', target, 'lladdr', host.macOf('e0'), 'dev', 'c0', 'nud', 'stale')
    await new Promise(resolve => setTimeout(resolve, 2_500)) // between two announcements of ours
    const hardware = mac(stranger.macOf('s0'))
    for (const frame of claimOf(target, hardware)) await sendFrom(stranger, 's0', frame)
    await eventually(
      () => speaker.said.filter(({ event }) => event === 'l2:conflict'),
      conflicts => conflicts.length > 0,
    )
    expect(speaker.said.find(({ event }) => event === 'l2:conflict')).toMatchObject({
      address: target,
      interface: 'e0',
      mac: stranger.macOf('s0'),
    })
    expect(neighbor(target)).toContain(host.macOf('e0'))
  })

  it('MetalLB answers a tagged request for a VLAN that is no interface of its own, untagged: here it is left alone', async () => {
    await hold(V4)
    const request = encodeArp({
      destination: BROADCAST_MAC,
      source: mac(client.macOf('c0')),
      operation: 1,
      senderMac: mac(client.macOf('c0')),
      senderAddress: Number(address('192.0.2.1').value),
      targetMac: mac('00:00:00:00:00:00'),
      targetAddress: Number(address(V4).value),
    })
    const tagged = Uint8Array.from([...request.slice(0, 12), 0x81, 0x00, 0x00, 100, ...request.slice(12)])
    await sendFrom(client, 'c0', tagged)
    await sendFrom(client, 'c0', request)
    await eventually(
      () => count('requests', V4),
      n => n > 0,
    )
    expect(await count('requests', V4)).toBe(1)
  })
})

describe('the example of the README', () => {
  it('holds the addresses it is given on the interface it is given', async () => {
    const example = host.spawn(new URL('../examples/ten-lines.ts', import.meta.url), 'e0', V4, V6)
    try {
      await answers(V4)
      expect(neighbor(V4)).toContain(host.macOf('e0'))
      await answers(V6)
      expect(neighbor(V6)).toContain(host.macOf('e0'))
    } finally {
      example.kill('SIGKILL')
    }
  })
})

describe('many addresses', () => {
  it.each([131_072, 20_480])(
    'a thousand of each family, with room for %i octets of filter: the last one answers',
    async room => {
      await host.set('net.core.optmem_max', room)
      const texts = (prefix: string, base: number): string[] =>
        Array.from({ length: 1_000 }, (_, i) => `${prefix}${(i + 1).toString(base)}`)
      const v4 = texts('', 10).map(text => `198.18.${Number(text) >> 8}.${Number(text) & 255}`)
      const v6 = texts('2001:db8::1:', 16)
      client.ip('addr', 'add', '198.18.255.1/16', 'dev', 'c0')
      await hold(...v4, ...v6)
      expect((await client.run('arping', '-c', '1', '-w', '2', '-I', 'c0', v4.at(-1)!)).code).toBe(0)
      expect((await client.run('ndisc6', '-1', v6.at(-1)!, 'c0')).code).toBe(0)
      expect((await client.run('arping', '-c', '1', '-w', '1', '-I', 'c0', '198.18.200.1')).code).toBe(1)
      client.ip('addr', 'del', '198.18.255.1/16', 'dev', 'c0')
    },
  )
})

describe('interfaces', () => {
  it('MetalLB is deaf to IPv6 on an interface that was down: here the group is joined again, and both families answer', async () => {
    await hold(V4, V6)
    host.ip('link', 'set', 'e0', 'down')
    await eventually(
      () => speaker.said,
      said => said.some(({ event, state }) => event === 'link:changed' && state === 'down'),
    )
    expect((await client.run('arping', '-c', '1', '-w', '1', '-I', 'c0', V4)).code).toBe(1)
    speaker.said.length = 0
    host.ip('link', 'set', 'e0', 'up')
    await gained(V4, 'e0')
    await gained(V6, 'e0')
    await answers(V4)
    await answers(V6)
  })

  it('MetalLB is deaf to IPv6 on an interface plugged in after the addresses came: here both families answer', async () => {
    await hold(V4, V6)
    host.ip('link', 'del', 'e0')
    await eventually(
      () => speaker.said,
      said => said.some(({ event }) => event === 'l2:lost'),
    )
    speaker.said.length = 0
    plug(host, 'e1', 'host')
    await gained(V4, 'e1')
    await gained(V6, 'e1')
    await answers(V4)
    await answers(V6)
  })

  it('deleted while another goes on: what it answered is lost there, and answered on the other', async () => {
    plug(host, 'e1', 'host2')
    await ready(host, 'e1')
    await hold(V4)
    await gained(V4, 'e1')
    host.ip('link', 'del', 'e0')
    await lost(V4, 'e0')
    await eventually(
      () => repliesTo(V4),
      macs => macs.length === 1 && macs[0] === host.macOf('e1'),
    )
  })

  it('re-addressed: IPv6 is answered while there is a link-local address, IPv4 all the time', async () => {
    await hold(V4, V6)
    host.ip('-6', 'addr', 'flush', 'dev', 'e0')
    await lost(V6, 'e0')
    expect((await client.run('ndisc6', '-1', '-w', '500', V6, 'c0')).code).not.toBe(0)
    expect(await repliesTo(V4)).toEqual([host.macOf('e0')])
    speaker.said.length = 0
    host.ip('addr', 'add', 'fe80::77/64', 'dev', 'e0', 'nodad')
    await gained(V6, 'e0')
    await answers(V6)
  })

  it('another hardware address: clients follow', async () => {
    await hold(V4)
    await client.run('ping', '-c', '1', '-W', '1', V4)
    host.ip('link', 'set', 'e0', 'down')
    host.ip('link', 'set', 'e0', 'address', '02:00:00:00:77:01')
    host.ip('link', 'set', 'e0', 'up')
    await eventually(
      () => neighbor(V4),
      shown => shown.includes('02:00:00:00:77:01'),
    )
  })

  it('renamed: restrictions follow the name', async () => {
    speaker.tell({ apply: [{ address: V4, interfaces: ['e9'] }] })
    host.ip('link', 'set', 'e0', 'down')
    host.ip('link', 'set', 'e0', 'name', 'e9')
    host.ip('link', 'set', 'e9', 'up')
    await gained(V4, 'e9')
    await answers(V4)
  })

  it('moved to a bridge: the bridge answers, once', async () => {
    await hold(V4)
    host.ip('link', 'add', 'e9', 'type', 'bridge', 'forward_delay', '0')
    host.ip('link', 'set', 'e9', 'up')
    host.ip('link', 'set', 'e0', 'master', 'e9')
    await gained(V4, 'e9')
    await lost(V4, 'e0')
    expect(await repliesTo(V4)).toEqual([host.macOf('e9')])
  })

  it('a macvlan beside its parent: one answer, the parent’s', async () => {
    await hold(V4)
    host.ip('link', 'add', 'link', 'e0', 'name', 'e9', 'type', 'macvlan', 'mode', 'bridge')
    host.ip('link', 'set', 'e9', 'up')
    await eventually(
      () => speaker.said,
      said => said.some(({ interface: link }) => link === 'e9'),
    )
    expect(await repliesTo(V4)).toEqual([host.macOf('e0')])
  })

  it('MetalLB answers on both of two interfaces on one segment: here there is one answer', async () => {
    plug(host, 'e1', 'host2')
    await ready(host, 'e1')
    await eventually(
      () => speaker.said,
      said => said.some(({ interface: link }) => link === 'e1'),
    )
    await hold(V4)
    await gained(V4, 'e1')
    await eventually(
      () => count('gratuitous', V4),
      n => n >= 4,
    )
    expect(await repliesTo(V4)).toEqual([host.macOf('e0')])
    expect(speaker.said.some(({ event }) => event === 'l2:conflict')).toBe(false)
  })

  it('[row 33] restricted to another interface: silent', async () => {
    speaker.tell({ apply: [{ address: V4, interfaces: ['e7'] }, { address: V6 }] })
    await gained(V6, 'e0')
    expect((await client.run('arping', '-c', '1', '-w', '1', '-I', 'c0', V4)).code).toBe(1)
  })
})

function plug(namespace: Namespace, link: string, port: string): void {
  lab.wire(bridge, port, namespace, link)
  bridge.ip('link', 'set', port, 'master', 'sw')
}

/** Has its link-local address, checked. */
async function ready(namespace: Namespace, link: string): Promise<void> {
  await eventually(
    () => namespace.ip('-6', 'addr', 'show', 'dev', link),
    shown => shown.includes('fe80::') && !shown.includes('tentative'),
  )
}

async function hold(...addresses: string[]): Promise<void> {
  speaker.tell({ apply: addresses.map(address => ({ address })) })
  for (const address of addresses) await gained(address, 'e0')
}

function gained(address: string, link: string): Promise<void> {
  return told('l2:gained', address, link)
}

function lost(address: string, link: string): Promise<void> {
  return told('l2:lost', address, link)
}

async function told(event: string, address: string, link: string): Promise<void> {
  await eventually(
    () => speaker.said,
    said => said.some(each => each['event'] === event && each['address'] === address && each['interface'] === link),
  )
}

function neighbor(target: string): string {
  return client.ip('neigh', 'show', target, 'dev', 'c0')
}

async function answers(target: string): Promise<void> {
  client.ip('neigh', 'flush', 'all')
  await eventually(
    async () => {
      await client.run('ping', '-c', '1', '-W', '1', target)
      return neighbor(target)
    },
    shown => shown.includes('lladdr'),
  )
}

/** The hardware addresses that answer one broadcast request, each as often as it answers. */
async function repliesTo(target: string): Promise<string[]> {
  const { output } = await client.run('arping', '-b', '-c', '1', '-w', '2', '-I', 'c0', target)
  return [...output.matchAll(/\[([0-9A-F:]+)\]/g)].map(match => match[1]!.toLowerCase())
}

async function count(what: string, address: string): Promise<number> {
  speaker.said.length = 0
  speaker.tell({ report: true })
  const said = await eventually(() => speaker.said.find(({ report }) => report !== undefined), Boolean)
  const { addresses } = said!['report'] as { addresses: Record<string, Record<string, number>> }
  return addresses[address]?.[what] ?? 0
}

function claimOf(target: string, hardware: Mac): readonly Uint8Array[] {
  const claimed = address(target)
  return claimed.family === 'ipv4'
    ? gratuitousArp(claimed, hardware).slice(0, 1)
    : [unsolicitedAdvertisement(claimed, hardware)]
}

/** Frames no tool sends, from a kernel's packet socket. */
async function sendFrom(namespace: Namespace, link: string, frame: Uint8Array): Promise<void> {
  const index = /^(\d+):/.exec(namespace.ip('link', 'show', link))![1]!
  const script = new URL('./send-frame.ts', import.meta.url).pathname
  const hex = Buffer.from(frame).toString('hex')
  const { code, output } = await namespace.run(process.execPath, '--conditions=development', script, index, hex)
  if (code !== 0) throw new Error(output)
}

function tryIp(namespace: Namespace, ...args: string[]): void {
  try {
    namespace.ip(...args)
  } catch {
    // not there
  }
}
