import { delay, type Clock } from '@metallb-ts/runtime'
import { asKubeFailure, failureOf, kubeFailure, parse } from './failure.ts'
import type { Resource } from './resource.ts'
import type { KubeRequest, KubeTransport } from './transport.ts'

/** What an API server serves. */
export interface Discovery {
  /** Whether objects of this resource, in this version, are served. */
  serves(resource: Resource): boolean
}

/** Asks for the versions of these resources: one request for each group and version. Rejects with a `Failure` when the server cannot tell. */
export async function discover(
  transport: KubeTransport,
  resources: readonly Resource[],
  signal?: AbortSignal,
): Promise<Discovery> {
  const served = new Set<string>()
  const roots = new Set(resources.map(rootOf))
  for (const root of roots) {
    for (const { name } of await resourcesAt(transport, root, signal)) served.add(`${root}/${name}`)
  }
  return { serves: resource => served.has(`${rootOf(resource)}/${resource.plural}`) }
}

/** Resolves when every resource is served: a definition may be installed later than who needs it. Rejects when the signal aborts. */
export async function waitUntilServed(
  { transport, clock }: { readonly transport: KubeTransport; readonly clock: Clock },
  resources: readonly Resource[],
  { everyMs = 1_000, signal }: { readonly everyMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const found = await discover(transport, resources).catch(() => undefined)
    if (found !== undefined && resources.every(resource => found.serves(resource))) return
    await delay(clock, everyMs, signal)
  }
}

function rootOf({ group, version }: Resource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

async function resourcesAt(
  transport: KubeTransport,
  path: string,
  signal: AbortSignal | undefined,
): Promise<readonly { readonly name: string }[]> {
  const request: KubeRequest = { method: 'GET', path, ...(signal !== undefined && { signal }) }
  const response = await transport.request(request).catch((error: unknown) => {
    throw kubeFailure(asKubeFailure(error))
  })
  if (response.status === 404) return []
  if (response.status !== 200) throw kubeFailure(await failureOf(response))
  return parse<{ readonly resources?: readonly { readonly name: string }[] }>(await response.text()).resources ?? []
}
