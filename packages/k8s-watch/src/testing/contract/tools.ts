import assert from 'node:assert/strict'
import type { KubeClient } from '../../client.ts'
import { isCode, type KubeFailureCode } from '../../failure.ts'
import { collectionPath, CONFIG_MAPS, type KubeObject, type Resource } from '../../resource.ts'

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> }

export function make(client: KubeClient, namespace: string, name: string, data: object = {}): Promise<ConfigMap> {
  return client.create(CONFIG_MAPS, { metadata: { name, namespace, labels: { mine: name } }, data } as never)
}

export function read(client: KubeClient, namespace: string, name: string): Promise<ConfigMap> {
  return client.get(CONFIG_MAPS, `${namespace}/${name}`)
}

export async function refused(code: KubeFailureCode, call: Promise<unknown>): Promise<void> {
  await isRefused([code], call)
}

export async function isRefused(codes: readonly KubeFailureCode[], call: Promise<unknown>): Promise<true> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(error !== undefined, `should have been refused as ${codes.join(' or ')}`)
  assert.ok(isCode(error, ...codes), `refused, but not as ${codes.join(' or ')}: ${String(error)}`)
  return true
}

export interface Page {
  readonly names: readonly string[]
  readonly next: string | undefined
  readonly revision: string
  readonly remaining: number | undefined
}

export async function page(
  client: KubeClient,
  resource: Resource,
  namespace: string,
  query: Readonly<Record<string, string>>,
): Promise<Page> {
  const response = await client.transport.request({ method: 'GET', path: collectionPath(resource, namespace), query })
  assert.equal(response.status, 200)
  const { items, metadata } = JSON.parse(await response.text()) as {
    items: KubeObject[]
    metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number }
  }
  const next = metadata.continue === '' ? undefined : metadata.continue
  return {
    names: items.map(item => item.metadata.name),
    next,
    revision: metadata.resourceVersion,
    remaining: metadata.remainingItemCount,
  }
}
