import { EventBus } from '@metallb-ts/event-bus'
import { address, type Address } from '@metallb-ts/netip'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { createSpeaker, type BgpEvents, type PassedMessage, type PeerInit, type Speaker } from '../src/index.ts'
import { tcpTransport } from '../src/node/index.ts'
import { SINK_ASN } from './sink-process.ts'

export interface OurSpeaker {
  readonly speaker: Speaker
  readonly events: EventBus<BgpEvents>
}

export function ourSpeaker(onMessage?: (message: PassedMessage) => void): OurSpeaker {
  const events = new EventBus<BgpEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
  const components = { clock: REAL_CLOCK, random: realRandom(), transport: tcpTransport(), events }
  const all = onMessage === undefined ? components : { ...components, onMessage }
  return { events, speaker: createSpeaker(all, { asn: 64_512, routerId: address('192.0.2.10') }) }
}

/** Established with so many peers. */
export async function connected(
  count: number,
  port: number,
  onMessage?: (message: PassedMessage) => void,
): Promise<OurSpeaker> {
  const ours = ourSpeaker(onMessage)
  const up = established(ours, count)
  for (let i = 0; i < count; i++) ours.speaker.addPeer(sinkPeer(i, port))
  await up
  ours.events.subscribe('bgp:closed', ({ detail: { peer, reason, sentence } }) => {
    if (reason.code === 'notification-sent' && reason.because === 'administrative') return
    process.stderr.write(`${peer}: ${sentence}: what was measured meanwhile says nothing\n`)
    process.exitCode = 1
  })
  return ours
}

/** The i-th of many peers on one machine: all of 127/8 is here. */
export function sinkPeer(i: number, port: number): PeerInit {
  const remote: Address = { family: 'ipv4', value: BigInt(0x7f01_0001 + i) }
  return { name: `router-${i}`, remote, port, peerAsn: SINK_ASN }
}

export function established({ events }: OurSpeaker, count: number): Promise<void> {
  let left = count
  return new Promise(resolve => {
    const stop = events.subscribe('bgp:established', () => {
      if (--left > 0) return
      stop()
      resolve()
    })
  })
}
