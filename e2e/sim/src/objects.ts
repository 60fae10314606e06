import type {
  BGPAdvertisement,
  BGPPeer,
  EndpointSlice,
  IPAddressPool,
  L2Advertisement,
  Node,
  Service,
} from '@metallb-ts/api'
import type { StoredObject } from '@metallb-ts/k8s-watch/testing'
import type { SimApi } from './api/sim-api.ts'

export const NAMESPACE = 'metallb-system'

/** The cluster's objects as users and Kubernetes itself change them: at once, and never in vain. */
export class Objects {
  readonly #api: SimApi

  constructor(api: SimApi) {
    this.#api = api
    for (const name of ['default', NAMESPACE]) this.create('/api/v1/namespaces', { metadata: { name } })
  }

  get services(): readonly Service[] {
    return this.#list('services')
  }

  get pools(): readonly IPAddressPool[] {
    return this.#list('ipaddresspools.metallb.io')
  }

  get l2Advertisements(): readonly L2Advertisement[] {
    return this.#list('l2advertisements.metallb.io')
  }

  get bgpAdvertisements(): readonly BGPAdvertisement[] {
    return this.#list('bgpadvertisements.metallb.io')
  }

  get peers(): readonly BGPPeer[] {
    return this.#list('bgppeers.metallb.io')
  }

  get nodes(): readonly Node[] {
    return this.#list('nodes')
  }

  get slices(): readonly EndpointSlice[] {
    return this.#list('endpointslices.discovery.k8s.io')
  }

  create(collection: string, object: object): void {
    this.#done(this.#api.core.create(this.#target(collection), object as StoredObject))
  }

  patch(path: string, patch: object): void {
    this.#done(this.#api.core.patch(this.#target(path), 'application/merge-patch+json', patch))
  }

  delete(path: string): void {
    this.#done(this.#api.core.delete(this.#target(path)))
  }

  #list<T>(collection: string): readonly T[] {
    return this.#api.core.store.list(collection) as unknown as readonly T[]
  }

  #target(path: string): NonNullable<ReturnType<SimApi['target']>> {
    const target = this.#api.target(path)
    if (target === undefined) throw new RangeError(`nothing is served at ${path}`)
    return target
  }

  #done({ status, body }: { readonly status: number; readonly body: unknown }): void {
    if (status >= 300) throw new Error(JSON.stringify(body))
  }
}

export const SERVICES_PATH = '/api/v1/namespaces/default/services'
export const SLICES_PATH = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
export const NODES_PATH = '/api/v1/nodes'
const METALLB = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}`
export const POOLS_PATH: string = `${METALLB}/ipaddresspools`
export const L2_ADVERTISEMENTS_PATH: string = `${METALLB}/l2advertisements`
export const BGP_ADVERTISEMENTS_PATH: string = `${METALLB}/bgpadvertisements`
export const PEERS_PATH: string = `/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers`
