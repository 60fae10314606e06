import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { spreadStart, type KubeTransport, type StartSpread } from '../src/index.ts'
import { settled } from './scripted-server.ts'

/** Starts that many programs at once, on a server that answers so; how they waited. */
async function started(copies: number, status: number, body: unknown): Promise<readonly StartSpread[]> {
  const clock = new SimClock()
  const text = (): Promise<string> => Promise.resolve(typeof body === 'string' ? body : JSON.stringify(body))
  const transport: KubeTransport = {
    close: () => Promise.resolve(),
    request: ({ path, query }) => {
      expect([path, query]).toEqual(['/api/v1/nodes', { limit: '1' }])
      return Promise.resolve({ status, headers: {}, text, lines: () => expect.fail() })
    },
  }
  const random = new SimRandom(1)
  const spreads = Array.from({ length: copies }, () => spreadStart({ transport, clock, random }))
  await settled()
  clock.advance(2_000)
  return Promise.all(spreads)
}

function list(remainingItemCount?: number): object {
  return { items: [{ metadata: { name: 'n' } }], metadata: { ...(remainingItemCount && { remainingItemCount }) } }
}

const longest = (spreads: readonly StartSpread[]): number => Math.max(...spreads.map(({ waitedMs }) => waitedMs))

describe('programs that start together', () => {
  it('a thousand of them begin over two seconds, evenly', async () => {
    const spreads = await started(1_000, 200, list(999))
    expect(spreads[0]!.nodes).toBe(1_000)
    const tenths = Array.from(
      { length: 10 },
      (_, i) => spreads.filter(it => Math.floor(it.waitedMs / 200) === i).length,
    )
    expect(Math.max(...tenths)).toBeLessThan(150)
    expect(longest(spreads)).toBeLessThan(2_000)
  })

  it.each([
    [1, undefined, 2],
    [3, 2, 6],
    [100, 99, 200],
    [50_000, 49_999, 2_000],
  ] as const)('of %i nodes, none waits for longer than the bound of so many', async (nodes, remaining, mostMs) => {
    const spreads = await started(100, 200, list(remaining))
    expect(spreads[0]!.nodes).toBe(nodes)
    expect(longest(spreads)).toBeLessThan(mostMs)
    expect(longest(spreads)).toBeGreaterThan(mostMs / 2)
  })

  it.each([
    [403, { kind: 'Status', code: 403, message: 'no' }, 'forbidden'],
    [503, '', 'server-error'],
    [200, '<html>', 'bad-answer'],
  ] as const)('when nobody says how many there are (%i), as if there were many', async (status, body, code) => {
    const spreads = await started(50, status, body)
    expect(spreads[0]).toMatchObject({ nodes: undefined, failure: { code } })
    expect(longest(spreads)).toBeGreaterThan(1_000)
  })

  it('who is stopped meanwhile does not start', async () => {
    const abort = new AbortController()
    const transport: KubeTransport = {
      close: () => Promise.resolve(),
      request: ({ signal }) =>
        new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    }
    const seams = { transport, clock: new SimClock(), random: new SimRandom(1) }
    const spread = spreadStart(seams, { signal: abort.signal })
    abort.abort(new Error('stopped'))
    await expect(spread).rejects.toThrow('stopped')
    expect(seams.clock.pending).toBe(0)
  })
})
