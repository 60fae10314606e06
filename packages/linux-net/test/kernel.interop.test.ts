import { execFileSync, spawn } from 'node:child_process'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { address } from '@metallb-ts/netip'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  canOpenPacketSockets,
  closeWaker,
  createWaker,
  openTcp,
  PollLoop,
  setTcpOptions,
  wake,
} from '../src/node/index.ts'

interface Said {
  readonly links?: readonly { name: string; isUp: boolean; hasCarrier: boolean; addresses: readonly string[] }[]
  readonly frame?: string
  readonly datagram?: string
  readonly from?: string
  readonly timer?: boolean
  readonly ended?: boolean
}

describe.skipIf(!canOpenPacketSockets())('in two namespaces with a wire between them', () => {
  const us = `lnx-a${process.pid}`
  const them = `lnx-b${process.pid}`
  const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' })
  const inside = (namespace: string, ...command: string[]): string => {
    try {
      return execFileSync('ip', ['netns', 'exec', namespace, ...command], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    } catch (error) {
      return String((error as { stdout?: string }).stdout)
    }
  }
  let said: Said[] = []
  let stop: () => void = () => {}

  async function hear(what: string, accept: (one: Said) => boolean): Promise<Said> {
    for (let i = 0; i < 500; i++) {
      const found = said.find(accept)
      if (found !== undefined) {
        said = said.slice(said.indexOf(found) + 1)
        return found
      }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error(`never heard: ${what}; last: ${JSON.stringify(said.slice(-3))}`)
  }

  const link = (one: Said, name: string) => one.links?.find(found => found.name === name)

  beforeEach(async () => {
    for (const name of [us, them]) ip('netns', 'add', name)
    ip('link', 'add', 'eth0', 'netns', us, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', them)
    for (const [name, host] of [
      [us, 1],
      [them, 2],
    ] as const) {
      ip('-n', name, 'link', 'set', 'eth0', 'up')
      ip('-n', name, 'address', 'add', `192.0.2.${host}/24`, 'dev', 'eth0')
      ip('-n', name, 'address', 'add', `2001:db8::${host}/64`, 'dev', 'eth0', 'nodad')
    }
    const program = fileURLToPath(new URL('programs/watcher.ts', import.meta.url))
    const child = spawn('ip', ['netns', 'exec', us, process.execPath, '--conditions=development', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface(child.stdout).on('line', line => said.push(JSON.parse(line) as Said))
    stop = () => child.kill('SIGKILL')
    await hear('eth0', one => link(one, 'eth0')?.hasCarrier === true)
  })

  afterEach(() => {
    stop()
    said = []
    for (const name of [us, them]) ip('netns', 'delete', name)
  })

  it('links and addresses are told as they come, change and go', async () => {
    ip('-n', us, 'address', 'add', '198.51.100.1/32', 'dev', 'eth0')
    await hear('the new address', one => link(one, 'eth0')?.addresses.includes('198.51.100.1/32') === true)
    ip('-n', them, 'link', 'set', 'eth0', 'down')
    await hear('no carrier', one => link(one, 'eth0')?.hasCarrier === false)
    ip('-n', them, 'link', 'set', 'eth0', 'up')
    await hear('carrier', one => link(one, 'eth0')?.hasCarrier === true)
    ip('-n', us, 'link', 'add', 'br0', 'type', 'bridge')
    await hear('a bridge', one => link(one, 'br0') !== undefined)
    ip('-n', us, 'link', 'set', 'br0', 'name', 'br1')
    await hear('its new name', one => link(one, 'br1') !== undefined && link(one, 'br0') === undefined)
    ip('-n', us, 'link', 'delete', 'br1')
    await hear('its end', one => one.links !== undefined && link(one, 'br1') === undefined)
  })

  it('a filtered packet socket hears what it asked for, and sends', async () => {
    const answers = inside(them, 'arping', '-c', '1', '-w', '2', '-I', 'eth0', '192.0.2.10')
    const { frame = '' } = await hear('the request', one => one.frame !== undefined)
    expect(frame.slice(24, 28)).toBe('0806')
    expect(frame.slice(76, 84)).toBe('c000020a')
    expect(answers).toContain('Sent 1 probes')
    inside(them, 'arping', '-c', '1', '-w', '1', '-I', 'eth0', '192.0.2.77')
    expect(said.filter(one => one.frame?.slice(76, 84) === 'c000024d')).toEqual([])
  })

  it('datagrams come and go over both families', async () => {
    for (const [host, port, from] of [
      ['192.0.2.1', 7_946, '192.0.2.2'],
      ['2001:db8::1', 7_947, '2001:db8::2'],
    ] as const) {
      const program = `
        const s = require('node:dgram').createSocket('${host.includes(':') ? 'udp6' : 'udp4'}')
        s.on('message', m => { console.log(String(m)); process.exit() })
        setInterval(() => s.send('hello', ${port}, '${host}'), 100)
        setTimeout(() => process.exit(1), 10000)`
      expect(inside(them, process.execPath, '-e', program)).toBe('hello\n')
      expect(await hear('the datagram', one => one.datagram === 'hello')).toMatchObject({ from })
    }
  })

  it('a group joined is a group that the kernel reports', async () => {
    await hear('a timer after the group was joined', one => one.timer === true)
    expect(ip('-n', us, 'maddress', 'show', 'dev', 'eth0')).toContain('ff02::1:ff00:10')
  })

  it('a loop runs timers, and ends when it is told', async () => {
    ip('-n', us, 'link', 'add', 'the-end', 'type', 'bridge')
    await hear('its end', one => one.ended === true)
  })
})

describe('PollLoop', () => {
  it('is woken from another thread, and fires timers in order', () => {
    const waker = createWaker()
    const seen: string[] = []
    const loop = new PollLoop(waker, () => {
      seen.push('woken')
      loop.clock.setTimer(20, () => {
        seen.push('later')
        loop.stop()
      })
      loop.clock.setTimer(10, () => seen.push('sooner'))
      loop.clock.setTimer(15, () => seen.push('never')).cancel()
    })
    const worker = new Worker(
      `const { wake } = require('node:worker_threads').workerData; import(${JSON.stringify(new URL('../src/node/index.ts', import.meta.url).href)}).then(({ wake }) => wake(${waker}))`,
      { eval: true, workerData: {}, execArgv: ['--conditions=development'] },
    )
    loop.run()
    void worker.terminate()
    closeWaker(waker)
    expect(seen).toEqual(['woken', 'sooner', 'later'])
  })

  it('says that it is late before it reads what came meanwhile', () => {
    const [waker, other] = [createWaker(), createWaker()]
    const seen: string[] = []
    const loop = new PollLoop(waker, () => {})
    loop.add(other, () => {
      seen.push('read')
      loop.stop()
    })
    loop.onLate = () => seen.push('late')
    loop.clock.setTimer(0, () => {
      loop.clock.setTimer(10, () => seen.push('timer'))
      wake(other)
      for (const until = performance.now() + 50; performance.now() < until;);
    })
    loop.run()
    closeWaker(waker)
    closeWaker(other)
    expect(seen).toEqual(['late', 'read', 'timer'])
  })
})

describe('TCP options', () => {
  const servers: Server[] = []
  afterEach(() => servers.splice(0).forEach(server => server.close()))

  async function listening(host: string, md5?: string): Promise<number> {
    const server = createServer(socket => void socket.on('error', () => {}).pipe(socket))
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, host, resolve))
    const { _handle } = server as unknown as { _handle: { fd: number } }
    if (md5 !== undefined) setTcpOptions(_handle.fd, { remote: address(host), md5 })
    return (server.address() as AddressInfo).port
  }

  async function echoed(options: Parameters<typeof openTcp>[0]): Promise<string> {
    const socket = await openTcp(options)
    const answer = new Promise<string>(resolve => socket.once('data', bytes => resolve(bytes.toString())))
    socket.write('hello')
    try {
      return await answer
    } finally {
      socket.destroy()
    }
  }

  it.each(['127.0.0.1', '::1'])('connects to %s from the address asked for, and data flows both ways', async host => {
    const port = await listening(host)
    expect(await echoed({ remote: address(host), port, local: address(host), ttl: 255, timeoutMs: 2_000 })).toBe(
      'hello',
    )
  })

  it.each(['127.0.0.1', '::1'])('MD5 on %s: the same key connects, another does not', async host => {
    const port = await listening(host, 'secret')
    expect(await echoed({ remote: address(host), port, md5: 'secret', timeoutMs: 2_000 })).toBe('hello')
    await expect(openTcp({ remote: address(host), port, md5: 'guess', timeoutMs: 300 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
    })
    await expect(openTcp({ remote: address(host), port, timeoutMs: 300 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  it.each(['127.0.0.1', '::1'])('GTSM on %s: who sends with a small TTL is not heard', async host => {
    const port = await listening(host)
    await expect(openTcp({ remote: address(host), port, ttl: 255, minTtl: 255, timeoutMs: 300 })).rejects.toMatchObject(
      { code: 'ETIMEDOUT' },
    )
    expect(await echoed({ remote: address(host), port, ttl: 255, minTtl: 64, timeoutMs: 2_000 })).toBe('hello')
  })

  it('nobody there, and a key that is too long, are said at once', async () => {
    const port = await listening('127.0.0.1')
    servers.splice(0).forEach(server => server.close())
    await expect(openTcp({ remote: address('127.0.0.1'), port, timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    await expect(
      openTcp({ remote: address('127.0.0.1'), port, md5: 'x'.repeat(81), timeoutMs: 2_000 }),
    ).rejects.toThrow(RangeError)
  })
})
