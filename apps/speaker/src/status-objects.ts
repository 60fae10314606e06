import { SERVICE_BGP_STATUSES, SERVICE_L2_STATUSES } from '@metallb-ts/api'
import { splitKey, type KubeObject, type Resource } from '@metallb-ts/k8s-watch'
import type { AnnouncedTracker } from './announced-here.ts'
import type { Protocol } from './events.ts'
import { createOwnObjects, labels, type OwnKind, type OwnObject, type OwnObjectParts } from './own-objects.ts'
import type { Desired } from './reconcile-service.ts'
import { stableName } from './stable-name.ts'

export interface StatusParts extends OwnObjectParts {
  readonly announced: AnnouncedTracker
  readonly desired: (service: string) => Desired | undefined
  /** False while the process is so young that what is missing may still come. */
  readonly mayRetract: () => boolean
  /** An object was made where there was none: this node announces the Service since now. */
  readonly onFirst: (service: string, protocol: Protocol) => void
}

export interface StatusWriter {
  start(): void
  /** Looks at every Service and object again. */
  everything(): void
  /** Services that are worked on, or wait for that. */
  readonly length: number
  stop(): Promise<void>
}

/** Keeps one ServiceL2Status and one ServiceBGPStatus per Service that this node announces, and none that it does not. */
export function createStatusWriter(
  parts: StatusParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): StatusWriter {
  const { events, announced, desired, mayRetract, onFirst } = parts
  const kinds: readonly StatusKind[] = [
    {
      resource: SERVICE_L2_STATUSES,
      prefix: 'l2',
      protocol: 'layer2',
      announcing: service => {
        if ((announced.of(service)?.addresses.length ?? 0) === 0) return undefined
        const [first] = desired(service)?.layer2 ?? []
        const interfaces = first === undefined || first.interfaces === 'all' ? [] : first.interfaces
        return { interfaces: interfaces.map(name => ({ name })) }
      },
    },
    {
      resource: SERVICE_BGP_STATUSES,
      prefix: 'bgp',
      protocol: 'bgp',
      announcing: service => {
        const { peers = [] } = announced.of(service) ?? {}
        return peers.length === 0 ? undefined : { peers }
      },
    },
  ]
  const objects = createOwnObjects(parts, {
    name: 'statuses',
    namespace,
    kinds: kinds.map(own),
    concurrency: AT_ONCE,
  })

  function own({ resource, prefix, protocol, announcing }: StatusKind): OwnKind {
    return {
      resource,
      selection: { labelSelector: `${NODE_LABEL}=${node}` },
      project,
      keyOf: serviceOf,
      nameOf: service => {
        const { namespace: serviceNamespace = '', name } = splitKey(service)
        return stableName([prefix], [node, serviceNamespace, name])
      },
      labelsOf: service => {
        const { namespace: serviceNamespace = '', name } = splitKey(service)
        return { [NODE_LABEL]: node, [NAME_LABEL]: name, [NAMESPACE_LABEL]: serviceNamespace }
      },
      wanted: service => {
        const more = announcing(service)
        if (more === undefined) return mayRetract() ? 'nothing' : 'undecided'
        const { namespace: serviceNamespace = '', name: serviceName } = splitKey(service)
        return { status: { node, serviceName, serviceNamespace, ...more } }
      },
      onWritten: (service, isFirst) => {
        if (isFirst) onFirst(service, protocol)
      },
    }
  }

  function everything(): void {
    objects.addEvery('announced', announced.services())
    objects.addKnown()
  }

  events.subscribe('service:judged', ({ detail: { service } }) => objects.add(service))

  return {
    start: () => objects.start(),
    everything,
    get length() {
      return objects.length
    },
    stop: () => objects.stop(),
  }
}

interface StatusKind {
  readonly resource: Resource
  readonly prefix: string
  readonly protocol: Protocol
  /** The part of the status that is not who and what; undefined where there should be no object. */
  readonly announcing: (service: string) => Readonly<Record<string, unknown>> | undefined
}

const AT_ONCE = 4
const NODE_LABEL = 'metallb.io/node'
const NAME_LABEL = 'metallb.io/service-name'
const NAMESPACE_LABEL = 'metallb.io/service-namespace'

/** What deciding reads of an object, without its managed fields: there are as many as Services. */
function project({ metadata, status }: OwnObject): OwnObject {
  const { name, namespace, labels } = metadata
  return {
    metadata: { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }) },
    ...(status && { status }),
  }
}

function serviceOf(object: KubeObject): string {
  const { [NAMESPACE_LABEL]: namespace = '', [NAME_LABEL]: name = '' } = labels(object)
  return `${namespace}/${name}`
}
