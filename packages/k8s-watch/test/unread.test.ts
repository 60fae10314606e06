import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createInformer, SERVICES, type KubeEvents, type KubeObject, type Members } from '../src/index.ts'
import { cutter } from '../src/node/cut.ts'
import { httpTransport } from '../src/node/index.ts'
import { startFakeApiServer, withoutMembers } from '../src/testing/index.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const cut = (unread: Members, text: string): string => cutter(unread)(Buffer.from(text)).toString()

describe('what nobody reads', () => {
  it('is taken out wherever it stands, with one of its commas', () => {
    const unread = { a: true, c: { a: true } } as const
    expect(cut(unread, '{"a":1,"b":2}')).toBe('{"b":2}')
    expect(cut(unread, '{"b":2,"a":[{"a":"]}"}]}')).toBe('{"b":2}')
    expect(cut(unread, '{"b":"a","a":"\\"}\\\\","c":{"b":[],"a":{"b":0}}}')).toBe('{"b":"a","c":{"b":[]}}')
    expect(cut(unread, '{"a":null,"c":{"a":-1.5e3}}')).toBe('{"c":{}}')
    expect(cut({ c: { '*': { a: true } } }, '{"c":[{"a":1},[],{"b":"größe","a":2},3]}')).toBe(
      '{"c":[{},[],{"b":"größe"},3]}',
    )
    expect(cut({ a: true, b: true }, '{"a":1,"b":2,"c":3,"d":4}')).toBe('{"c":3,"d":4}')
  })

  it('is gone from any JSON, and nothing else is', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'a"b', '\\', 'größe', '')
    const { value } = fc.letrec(tie => ({
      value: fc.oneof({ maxDepth: 3 }, fc.string({ maxLength: 4 }), fc.double(), tie('array'), tie('object')),
      array: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.dictionary(name, tie('value'), { maxKeys: 5 }),
    }))
    const some: Members = { a: true, 'a"b': true, größe: true }
    const members = fc.constantFrom<Members>(
      some,
      { ...some, '*': some },
      { b: some, c: { b: true }, '\\': true, '': true },
      { '*': { '*': { a: true, b: true, c: true } }, a: { '*': some }, b: { b: some } },
    )
    fc.assert(
      fc.property(value, members, (json, unread) => {
        const text = JSON.stringify(json)
        expect(JSON.parse(cut(unread, text))).toEqual(withoutMembers(JSON.parse(text), unread))
      }),
      { numRuns: 500 },
    )
  })

  it('harms no line that is no JSON, or JSON with white space', () => {
    const whole = '{"a":{"b":[1,"x"]},"c":true}'
    for (let end = 0; end < whole.length; end++) {
      const text = whole.slice(0, end)
      expect([text, '{'.repeat(5) + text]).toContain(cut({ c: true, z: true }, text))
    }
    for (const text of ['{ "a": 1 }', '{"a" :1}', 'a', '[', ']', '{"a"}', '{"a":,"b":1}', '"', ''])
      expect(cut({ a: true, z: true }, text)).toBe(text)
  })

  it('is not in the objects of a watch, and a list in pages has it still', async () => {
    const server = await startFakeApiServer()
    const object = { metadata: { name: 'web', namespace: 'default', annotations: { note: 'x', kept: 'y' } }, spec: {} }
    server.core.create(server.core.target('/api/v1/namespaces/default/services')!, object, 'somebody')
    const transport = httpTransport({ server: server.url })
    cleanups.push(
      () => server.stop(),
      () => transport.close(),
    )
    const seen = async (initial: 'stream' | 'pages'): Promise<KubeObject | undefined> => {
      const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
      const informer = createInformer(
        { transport, events, clock: REAL_CLOCK, random: realRandom() },
        { resource: SERVICES, initial, unread: { metadata: { managedFields: true, annotations: { note: true } } } },
      )
      cleanups.push(() => informer.stop())
      await new Promise<void>(resolve => {
        events.subscribe('kube:synced', () => resolve())
        informer.start()
      })
      return informer.get('default/web')
    }
    const [streamed, listed] = [await seen('stream'), await seen('pages')]
    expect(listed?.metadata).toHaveProperty('managedFields')
    expect(streamed).toEqual(withoutMembers(listed, { metadata: { managedFields: true, annotations: { note: true } } }))
    expect(streamed?.metadata.annotations).toEqual({ kept: 'y' })
  })
})
