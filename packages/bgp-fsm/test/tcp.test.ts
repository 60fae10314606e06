import { createServer, type AddressInfo, type Server } from 'node:net'
import { address } from '@metallb-ts/netip'
import { afterEach, describe, expect, test } from 'vitest'
import { createSpeaker, type PeerInit, type Speaker } from '../src/index.ts'
import { realComponents, tcpTransport, type RealComponents } from '../src/node/index.ts'

const speakers: Speaker[] = []
afterEach(async () => {
  await Promise.all(speakers.splice(0).map(speaker => speaker.stop({ deadlineMs: 500 })))
})

describe('without linux-net', () => {
  test.each(['127.0.0.1', '::1'])('two speakers find each other over %s, one listening', async text => {
    const port = await freePort()
    const listener = begin(64_513, '192.0.2.2')
    await listener.speaker.listen(port)
    const dialler = begin(64_512, '192.0.2.1')
    const both = [listener, dialler].map(({ components }) => once(components, 'bgp:established'))
    listener.add({ name: 'us', remote: address(text), peerAsn: 64_512, passive: true })
    dialler.add({ name: 'router', remote: address(text), peerAsn: 64_513, port, families: ['ipv4', 'ipv6'] })
    await Promise.all(both)
    expect(dialler.speaker.peers.get('router')!.state).toBe('established')
  })

  test.each<[string, Partial<PeerInit>]>([
    ['a password', { password: 'sesame' }],
    ['GTSM', { ttlSecurityHops: 1 }],
    ['a device', { device: 'vrf-blue' }],
  ])('%s is asked for, and the attempt says what is missing', async (_what, more) => {
    const { components, add } = begin(64_512, '192.0.2.1')
    const failed = once(components, 'bgp:attempt-failed')
    add({ name: 'router', remote: address('127.0.0.1'), peerAsn: 64_513, port: await freePort(), ...more })
    expect((await failed).sentence).toContain('linux-net is not installed')
  })
})

test('a port that somebody has in one family is not taken in the other either', async () => {
  const [theirs, ours] = [createServer(), createServer()]
  const listening = (server: Server, host: string, port = 0): Promise<void> =>
    new Promise((resolve, reject) => server.once('error', reject).listen({ port, host, ipv6Only: true }, resolve))
  await listening(theirs, '::')
  const { port } = theirs.address() as AddressInfo
  await expect(begin(64_512, '192.0.2.1').speaker.listen(port)).rejects.toThrow('EADDRINUSE')
  await listening(ours, '0.0.0.0', port)
  for (const server of [theirs, ours]) server.close()
})

test('[B-TRN-01] a connection that cannot be made names both addresses and the port', async () => {
  const { components, add } = begin(64_512, '192.0.2.1')
  const failed = once(components, 'bgp:attempt-failed')
  const port = await freePort()
  add({ name: 'router', remote: address('127.0.0.1'), source: address('127.0.0.9'), peerAsn: 64_513, port })
  expect((await failed).sentence).toContain(`from 127.0.0.9 to 127.0.0.1 port ${port}`)
})

function begin(asn: number, routerId: string) {
  const loadSpecial = (): Promise<never> => Promise.reject(new Error('linux-net is not installed'))
  const components = { ...realComponents(), transport: tcpTransport({ loadSpecial }) }
  const speaker = createSpeaker(components, { asn, routerId: address(routerId) })
  speakers.push(speaker)
  return { components, speaker, add: (init: PeerInit) => speaker.addPeer(init) }
}

function once(
  { events }: RealComponents,
  name: 'bgp:established' | 'bgp:attempt-failed',
): Promise<{ readonly sentence?: string }> {
  return new Promise(resolve => {
    const stop = events.subscribe(name, ({ detail }) => {
      stop()
      resolve('sentence' in detail ? { sentence: detail.sentence } : {})
    })
  })
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, () => resolve()))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
