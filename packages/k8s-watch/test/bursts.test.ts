import { spawn } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { afterEach, describe, expect, it } from 'vitest'
import { CONFIG_MAPS, createInformer, type Informer, type KubeEvents } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { configMap } from './scripted-server.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A server whose watches are what the test writes; streamed lists are refused, lists are empty. */
async function watched(onWatch: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://api')
    if (searchParams.has('sendInitialEvents')) response.writeHead(422).end('{}')
    else if (searchParams.has('watch')) onWatch(response)
    else response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => (server.closeAllConnections(), server.close()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function informing(server: string, onChange: (key: string) => void = () => {}): Informer<string> {
  const transport = httpTransport({ server })
  const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
  events.subscribe('kube:changed', ({ detail }) => onChange(detail.key))
  const seams = { transport, events, clock: REAL_CLOCK, random: realRandom() }
  const informer = createInformer(seams, { resource: CONFIG_MAPS, project: ({ metadata }) => metadata.name })
  informer.start()
  cleanups.push(
    () => transport.close(),
    () => informer.stop(),
  )
  return informer
}

const event = (i: number, value = ''): string =>
  `${JSON.stringify({ type: 'ADDED', object: configMap(`m${i}`, i + 2, { value }) })}\n`

describe('bursts', () => {
  it('[K-42] while 100 000 events are taken in, others have their turn', async () => {
    const count = 100_000
    const server = await watched(response => {
      let text = ''
      for (let i = 0; i < count; i++) text += event(i)
      response.write(text)
    })
    let began = 0
    let longest = 0
    let last = 0
    let isDone = false
    const turn = (): void => {
      if (began > 0) longest = Math.max(longest, performance.now() - last)
      last = performance.now()
      if (!isDone) setImmediate(turn)
    }
    await new Promise<void>(resolve => {
      const informer = informing(server, () => {
        if (began === 0) turn()
        began ||= performance.now()
        if (informer.size === count) resolve()
      })
    })
    isDone = true
    // Of all the time it took, nobody waited for more than a small part.
    expect(longest).toBeLessThan((performance.now() - began) / 4)
  })

  it('[K-41] who takes events slowly costs the server’s buffers, not our memory', async () => {
    let accepted = 0
    const value = 'x'.repeat(10_000)
    const server = await watched(response => {
      let i = 0
      const more = (): void => {
        for (;;) {
          if (response.destroyed) return
          const line = event(i++, value)
          accepted += line.length
          if (!response.write(line)) return void response.once('drain', more)
        }
      }
      more()
    })
    const transport = httpTransport({ server })
    cleanups.push(() => transport.close())
    const stopped = new AbortController()
    const response = await transport.request({
      method: 'GET',
      path: '/',
      query: { watch: '1' },
      signal: stopped.signal,
    })
    const lines = response.lines()[Symbol.asyncIterator]()
    await lines.next()
    let before = -1
    while (before !== accepted) {
      before = accepted
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    // It has come to rest: what lies between is what sockets hold.
    expect(accepted).toBeLessThan(32 * 1024 * 1024)
    for (let i = 0; i < 5_000; i++) await lines.next()
    expect(accepted).toBeGreaterThan(5_000 * value.length)
    stopped.abort()
  })

  it(
    '[K-15] a set several times as large as the memory is read, one object after the other',
    { timeout: 120_000 },
    async () => {
      const server = createServer((_, response) => {
        let i = 0
        const value = 'x'.repeat(8_000)
        const more = (): void => {
          for (; i < 30_000; i++) if (!response.write(event(i, value))) return void response.once('drain', more)
          const annotations = { 'k8s.io/initial-events-end': 'true' }
          const object = { metadata: { resourceVersion: '99999', annotations } }
          response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
        }
        response.once('drain', () => {})
        more()
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      cleanups.push(() => (server.closeAllConnections(), server.close()))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const program = join(import.meta.dirname, 'small-process.ts')
      const child = spawn(process.execPath, ['--max-old-space-size=64', '--conditions=development', program, url])
      let output = ''
      child.stdout.on('data', (data: Buffer) => (output += data.toString()))
      child.stderr.on('data', (data: Buffer) => (output += data.toString()))
      const code = await new Promise(resolve => child.on('exit', resolve))
      expect(output).toContain('30000 names')
      expect(code).toBe(0)
    },
  )
})
