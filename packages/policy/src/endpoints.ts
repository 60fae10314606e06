import type { Endpoint, EndpointSlice } from '@metallb-ts/api'

/** Nodes that have an endpoint able to serve, and whether there is one at all, on a known node or not. */
export interface ServingEndpoints {
  readonly any: boolean
  readonly nodes: ReadonlySet<string>
}

export function servingEndpoints(slices: readonly Pick<EndpointSlice, 'endpoints'>[]): ServingEndpoints {
  const serving = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(endpoint => canServe(endpoint) && (endpoint.addresses ?? []).length > 0)
  return {
    any: serving.length > 0,
    nodes: new Set(serving.map(({ nodeName }) => nodeName).filter(name => name !== undefined)),
  }
}

/** Ready, or not said to be unready, or still serving while it ends. */
export function canServe({ conditions = {} }: Pick<Endpoint, 'conditions'>): boolean {
  return (conditions.ready ?? true) ? true : conditions.serving === true
}
