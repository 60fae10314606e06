import type { KubeObject, Service } from '@metallb-ts/api'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import type { EventRecorder, Lister, RecordedEvent } from '@metallb-ts/k8s-watch'
import { formatAddress } from '@metallb-ts/netip'
import { explainProblem, reasonOf, type Finding, type ObjectName } from '@metallb-ts/policy'
import type { Protocol, SpeakerEvents } from './events.ts'

export interface KubernetesEventParts {
  readonly bus: EventBus<SpeakerEvents>
  readonly recorder: EventRecorder
  readonly services: Pick<Lister<Service>, 'get'>
  /** A custom resource, by kind and name. */
  readonly resource: (object: ObjectName) => KubeObject | undefined
  readonly nodeObject: () => KubeObject | undefined
  readonly bgp: BgpSpeaker
  /** Whether this node is the one that speaks of what every node sees alike. */
  readonly speaksFor: (name: string) => boolean
}

export interface KubernetesEvents {
  /** This node announces the Service since now. */
  announced(service: string, protocol: Protocol): void
  /** Nobody announces it, as far as this node knows, which speaks for all. */
  refused(service: string, finding: Finding): void
}

/** What `kubectl describe` shows beside the conditions: on Services, on what is wrong in the configuration, on peers, on the Node. */
export function createKubernetesEvents(
  parts: KubernetesEventParts,
  { node }: { readonly node: string },
): KubernetesEvents {
  const { bus, recorder, services, resource, nodeObject, bgp, speaksFor } = parts

  function record(kind: string, apiVersion: string, object: KubeObject | undefined, event: RecordedEvent): void {
    if (object !== undefined) recorder.record({ apiVersion, kind, metadata: object.metadata }, event)
  }

  const onService = (service: string, event: RecordedEvent): void =>
    record('Service', 'v1', services.get(service), event)

  bus.subscribe('config:judged', ({ detail: { problems } }) => {
    for (const problem of problems) {
      if (!speaksFor(problem.object.name)) continue
      const event = { type: 'Warning', reason: 'ConfigurationError', message: explainProblem(problem) } as const
      record(problem.object.kind, versionOf(problem.object.kind), resource(problem.object), event)
    }
  })

  const said = new Map<string, string>()
  let isStopping = false
  bus.subscribe('process:draining', () => (isStopping = true))
  const onPeer = (peer: string, type: 'Normal' | 'Warning', reason: string, message: string): void => {
    if (isStopping || said.get(peer) === message) return
    said.set(peer, message)
    record('BGPPeer', versionOf('BGPPeer'), resource({ kind: 'BGPPeer', name: peer }), { type, reason, message })
  }
  bus.subscribe('bgp:established', ({ detail: { peer } }) => {
    const { remote } = bgp.peers.get(peer) ?? {}
    const router = remote === undefined ? '' : ` with ${formatAddress(remote)}`
    if (said.has(peer))
      onPeer(peer, 'Normal', 'SessionEstablished', `the session${router} of node ${node} is established`)
  })
  for (const name of ['bgp:closed', 'bgp:attempt-failed'] as const)
    bus.subscribe(name, ({ detail: { peer, sentence } }) => {
      if (bgp.peers.has(peer)) onPeer(peer, 'Warning', 'SessionDown', `node ${node}: ${sentence}`)
    })

  bus.subscribe('drain:moved', ({ detail: { code, message } }) => {
    const event =
      code === undefined
        ? ({ type: 'Normal', reason: 'NotDrained', message: `node ${node} announces again` } as const)
        : ({
            type: code === 'last-announcer' ? 'Warning' : 'Normal',
            reason: reasonOf(code),
            message: message ?? '',
          } as const)
    record('Node', 'v1', nodeObject(), event)
  })

  return {
    announced: (service, protocol) =>
      onService(service, {
        type: 'Normal',
        reason: 'nodeAssigned',
        message: `announcing from node "${node}" with protocol "${protocol}"`,
      }),
    refused: (service, finding) => {
      const opening =
        finding.code === 'no-such-interface' ? `${interfaceSentence(addressOf(services.get(service)), node)}: ` : ''
      onService(service, { type: 'Warning', reason: 'announceFailed', message: `${opening}${finding.message}` })
    },
  }
}

/** MetalLB's words, which people search for. */
function interfaceSentence(address: string, node: string): string {
  return `the interfaces specified by LB IP "${address}" doesn't exist in assigned node "${node}" with protocol "layer2"`
}

function addressOf(service: Service | undefined): string {
  return service?.status?.loadBalancer?.ingress?.[0]?.ip ?? ''
}

function versionOf(kind: string): string {
  return kind === 'BGPPeer' ? 'metallb.io/v1beta2' : 'metallb.io/v1beta1'
}
