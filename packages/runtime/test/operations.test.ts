import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  createLogger,
  Failure,
  invariant,
  InvariantError,
  isLogged,
  LOG_LEVELS,
  stopAll,
  unreachable,
  type LogLevel,
} from '../src/index.ts'
import { createJsonLogger, startHealthServer } from '../src/node/index.ts'
import { createPrometheusMetrics } from '../src/prometheus.ts'
import { memoryLogger } from '../src/testing/index.ts'

describe('the logger', () => {
  it('[row 108] six levels: each lets through what is as grave, or graver', () => {
    const said = (level: LogLevel): string[] => {
      const lines: string[] = []
      const logger = createJsonLogger({
        level,
        write: line => lines.push((JSON.parse(line) as { level: string }).level),
      })
      logger.debug('a')
      logger.info('b')
      logger.warn('c')
      logger.error('d')
      return lines
    }
    expect(LOG_LEVELS.map(level => said(level).length)).toEqual([4, 4, 3, 2, 1, 0])
    expect(said('warn')).toEqual(['warn', 'error'])
    expect(isLogged('info', 'none')).toBe(false)
  })

  it('a line is one JSON object: time, level, event, then the fields of every ancestor', () => {
    const lines: string[] = []
    const logger = createJsonLogger({ level: 'all', write: line => lines.push(line), wallTime: () => 0 })
    logger
      .child({ service: 'a/b' })
      .child({ node: 'n1' })
      .info('assigned', { size: 2n ** 64n, text: 'two\nlines' })
    expect(lines).toEqual([
      '{"ts":"1970-01-01T00:00:00.000Z","level":"info","event":"assigned","service":"a/b","node":"n1","size":"18446744073709551616","text":"two\\nlines"}',
    ])
  })

  it('errors, maps and sets are readable', () => {
    const lines: string[] = []
    const logger = createJsonLogger({ level: 'all', write: line => lines.push(line) })
    logger.error('broken', { error: new TypeError('no'), map: new Map([['a', 1]]), set: new Set([1]) })
    expect(JSON.parse(lines[0]!)).toMatchObject({
      error: { name: 'TypeError', message: 'no' },
      map: { a: 1 },
      set: [1],
    })
  })

  it('tests can read what was logged', () => {
    const logger = memoryLogger()
    logger.child({ a: 1 }).warn('odd', { b: 2 })
    expect(logger.lines).toEqual([{ severity: 'warn', event: 'odd', fields: { a: 1, b: 2 } }])
    expect(createLogger(() => {}).child({})).toBeDefined()
  })
})

describe('metrics', () => {
  it('are written in the Prometheus text format', async () => {
    const metrics = createPrometheusMetrics({ processMetrics: false })
    const counter = metrics.counter({ name: 'asked_total', help: 'Questions', labels: ['who'] })
    counter.add(2, { who: 'a' })
    counter.add(1, { who: 'b' })
    counter.remove({ who: 'b' })
    const gauge = metrics.gauge({ name: 'open', help: 'Open now' })
    gauge.set(3)
    metrics.gauge({
      name: 'kept_elsewhere',
      help: 'Read at every scrape',
      labels: ['x'],
      collect: gauge => {
        gauge.clear()
        gauge.set(7, { x: '1' })
      },
    })
    metrics.counter({
      name: 'counted_elsewhere_total',
      help: 'Read at every scrape',
      labels: ['x'],
      collect: totals => totals.set(9, { x: '2' }),
    })
    const histogram = metrics.histogram({ name: 'took_seconds', help: 'Time', buckets: [0.1, 1] })
    histogram.observe(0.05)
    histogram.observe(5)
    await metrics.page()
    const page = await metrics.page()
    const samples = page.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    expect(samples).toEqual([
      'asked_total{who="a"} 2',
      'open 3',
      'kept_elsewhere{x="1"} 7',
      'counted_elsewhere_total{x="2"} 9',
      'took_seconds_bucket{le="0.1"} 1',
      'took_seconds_bucket{le="1"} 1',
      'took_seconds_bucket{le="+Inf"} 2',
      'took_seconds_sum 5.05',
      'took_seconds_count 2',
    ])
    expect(page).toContain('# TYPE asked_total counter')
    expect(metrics.contentType).toContain('text/plain')
  })

  it('of the process are there unless refused', async () => {
    expect(await createPrometheusMetrics().page()).toContain('process_resident_memory_bytes')
  })
})

describe('the health server', () => {
  it('[row 107] says 200 when well, 503 with every reason when not, and serves further pages', async () => {
    let reasons: readonly string[] = []
    const server = await startHealthServer({
      port: 0,
      host: '127.0.0.1',
      healthy: () => [],
      ready: () => reasons,
      pages: {
        '/metrics': () => ({ contentType: 'text/plain', body: 'x 1\n' }),
        '/broken': () => Promise.reject(new Error('no')),
      },
    })
    const get = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
      return [response.status, await response.text()]
    }
    try {
      expect(await get('/healthz')).toEqual([200, 'ok\n'])
      expect(await get('/readyz?verbose')).toEqual([200, 'ok\n'])
      reasons = ['services: not read yet', 'nodes: not read yet']
      expect(await get('/readyz')).toEqual([503, 'services: not read yet\nnodes: not read yet\n'])
      expect(await get('/metrics')).toEqual([200, 'x 1\n'])
      expect((await get('/broken'))[0]).toBe(500)
      expect((await get('/toString'))[0]).toBe(404)
      expect((await get('/nowhere'))[0]).toBe(404)
    } finally {
      await server.stop()
    }
    await expect(fetch(`http://127.0.0.1:${server.port}/healthz`)).rejects.toThrow()
  })

  it('a taken port is an error, not a silence', async () => {
    const init = { host: '127.0.0.1', healthy: () => [], ready: () => [] }
    const first = await startHealthServer({ ...init, port: 0 })
    await expect(startHealthServer({ ...init, port: first.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await first.stop()
  })
})

describe('stopping', () => {
  it('happens in reverse order, and goes on when one fails', async () => {
    const order: string[] = []
    const part = (name: string, fails = false) => ({
      start: () => {},
      stop: async () => {
        order.push(name)
        if (fails) throw new Error(name)
      },
    })
    await expect(stopAll([part('a', true), part('b', true), part('c')])).rejects.toThrow('b')
    expect(order).toEqual(['c', 'b', 'a'])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('%s is told once; a second one ends the process', async signal => {
    const program = fileURLToPath(new URL('programs/wait-for-signal.ts', import.meta.url))
    const child = spawn(process.execPath, ['--conditions=development', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const ended = once(child, 'exit')
    expect(await lines.next()).toMatchObject({ value: 'up' })
    child.kill(signal)
    expect(await lines.next()).toMatchObject({ value: signal })
    child.kill(signal)
    const [code] = (await ended) as [number]
    expect(code).toBe(130)
  })

  it.each([
    { how: 'now', said: 'stopped\n', status: 0 },
    { how: 'never', said: 'overdue\n', status: 1 },
  ])('a process that stops $how ends, and says how', ({ how, said, status }) => {
    const program = fileURLToPath(new URL('programs/stop-for-ever.ts', import.meta.url))
    const ended = spawnSync(process.execPath, ['--conditions=development', program, how], { encoding: 'utf8' })
    expect(ended).toMatchObject({ stdout: said, status })
  })
})

describe('failures', () => {
  it('carry their problem; what cannot happen throws', () => {
    const failure = new Failure({ code: 'gone', key: 'a/b' }, 'it is gone')
    expect(failure).toMatchObject({ name: 'Failure', message: 'it is gone', problem: { code: 'gone', key: 'a/b' } })
    expect(() => invariant(false, 'impossible', { a: 1 })).toThrow(InvariantError)
    expect(() => invariant(true, 'fine')).not.toThrow()
    expect(() => unreachable('x' as never)).toThrow(InvariantError)
  })
})
