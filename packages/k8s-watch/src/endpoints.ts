import { ENDPOINT_SLICES, type KubeObject } from './resource.ts'
import type { OlderResource } from './served-choice.ts'

/** The part of an EndpointSlice (discovery.k8s.io/v1) that older kinds can tell as well. */
export interface SliceObject extends KubeObject {
  readonly endpoints?: readonly SliceEndpoint[] | null
}

export interface SliceEndpoint {
  readonly addresses?: readonly string[]
  readonly nodeName?: string
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean }
}

/** Where the pods behind Services are told when EndpointSlice v1 is not served: since Kubernetes 1.17, and before. */
export const OLDER_ENDPOINTS: readonly OlderResource<SliceObject>[] = [
  { resource: { ...ENDPOINT_SLICES, version: 'v1beta1' }, upgrade: fromBeta },
  {
    resource: { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true },
    upgrade: fromEndpoints,
  },
]

/** v1beta1 says the node as a label of topology. */
function fromBeta(object: KubeObject): SliceObject {
  const { endpoints } = object as KubeObject & { endpoints?: readonly BetaEndpoint[] | null }
  return {
    ...object,
    endpoints: (endpoints ?? []).map(({ topology, ...endpoint }) => {
      const nodeName = endpoint.nodeName ?? topology?.['kubernetes.io/hostname']
      return { ...endpoint, ...(nodeName !== undefined && { nodeName }) }
    }),
  }
}

interface BetaEndpoint extends SliceEndpoint {
  readonly topology?: Readonly<Record<string, string>>
}

/** One Endpoints object has the name of its Service, and every address of it. */
function fromEndpoints(object: KubeObject): SliceObject {
  const { subsets } = object as KubeObject & { subsets?: readonly Subset[] | null }
  const endpoints = (subsets ?? []).flatMap(({ addresses, notReadyAddresses }) => [
    ...(addresses ?? []).map(address => endpointOf(address, true)),
    ...(notReadyAddresses ?? []).map(address => endpointOf(address, false)),
  ])
  const { metadata } = object
  return {
    metadata: { ...metadata, labels: { ...metadata.labels, [SERVICE_NAME_LABEL]: metadata.name } },
    endpoints,
  }
}

interface Subset {
  readonly addresses?: readonly EndpointAddress[] | null
  readonly notReadyAddresses?: readonly EndpointAddress[] | null
}

interface EndpointAddress {
  readonly ip: string
  readonly nodeName?: string
}

function endpointOf({ ip, nodeName }: EndpointAddress, ready: boolean): SliceEndpoint {
  return { addresses: [ip], conditions: { ready, serving: ready }, ...(nodeName !== undefined && { nodeName }) }
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
