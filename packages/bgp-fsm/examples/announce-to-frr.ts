import { createSpeaker } from '@metallb-ts/bgp-fsm'
import { realComponents } from '@metallb-ts/bgp-fsm/node'
import { address, prefix } from '@metallb-ts/netip'

const components = realComponents()
const speaker = createSpeaker(components, { asn: 64_512, routerId: address('192.0.2.10') })
speaker.addPeer({ name: 'frr', remote: address('192.0.2.1'), peerAsn: 64_500 })
speaker.setRoutes('web', [{ prefix: prefix('203.0.113.7/32'), attributes: { med: 10 } }])

components.events.subscribe('bgp:advertised', ({ detail }) => console.log(`told ${detail.prefixes.join()}`))
components.events.subscribe('bgp:closed', ({ detail }) => console.log(detail.sentence))
components.events.subscribe('bgp:attempt-failed', ({ detail }) => console.log(detail.sentence))
process.once('SIGTERM', () => void speaker.stop({ reason: 'maintenance' })) // withdraws first
