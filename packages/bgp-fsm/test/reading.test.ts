import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { readInTurns } from '../src/node/reading.ts'

const MANY = 256 * 1_024

test('a peer that says much at once is read over turns, in order and to the end', async () => {
  const { ours, theirs, close } = await socketPair()
  const said = Uint8Array.from({ length: MANY }, (_, i) => (i * 7) & 255)
  const heard: Uint8Array[] = []
  let turns = 0
  const count = (): void => void (turns++, (counting = setImmediate(count)))
  let counting = setImmediate(count)
  const takeRest = readInTurns(ours, bytes => {
    heard.push(bytes)
    takeLong()
  })
  theirs.end(said)
  await once(ours, 'close')
  takeRest()
  clearImmediate(counting)
  expect(Buffer.concat(heard).equals(said)).toBe(true)
  expect(turns).toBeGreaterThan(10)
  await close()
})

test('what waits when the connection goes is handed over first', async () => {
  const { ours, theirs, close } = await socketPair()
  let heard = 0
  const takeRest = readInTurns(ours, bytes => {
    heard += bytes.length
    takeLong()
  })
  theirs.write(new Uint8Array(32 * 1_024))
  const [first] = (await once(ours, 'data')) as [Uint8Array]
  expect(heard).toBeLessThan(first.length)
  ours.destroy()
  takeRest()
  expect(heard).toBe(first.length)
  await close()
})

/** Longer than a turn may take. */
function takeLong(): void {
  const begun = performance.now()
  while (performance.now() - begun < 5) continue
}

async function socketPair(): Promise<{ ours: Socket; theirs: Socket; close: () => Promise<unknown> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const theirs = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [ours] = (await once(server, 'connection')) as [Socket]
  const close = (): Promise<unknown> => {
    ours.destroy()
    theirs.destroy()
    return new Promise(resolve => server.close(resolve))
  }
  return { ours, theirs, close }
}
