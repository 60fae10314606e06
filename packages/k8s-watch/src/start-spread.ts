import { delay, type Clock, type Random } from '@metallb-ts/runtime'
import { asKubeFailure, failureOf, kubeFailure, parse, type KubeFailure } from './failure.ts'
import { collectionPath, NODES } from './resource.ts'
import type { KubeTransport } from './transport.ts'

export interface StartSpreadComponents {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
}

export interface StartSpreadInit {
  /** Of the time that starts are spread over, for each node there is, in milliseconds. @default 2 */
  readonly perNodeMs?: number
  /** Most of that time, and what it is when nobody knows how many nodes there are; milliseconds. @default 2000 */
  readonly mostMs?: number
  readonly signal?: AbortSignal
}

export interface StartSpread {
  /** Undefined when that could not be read. */
  readonly nodes: number | undefined
  readonly failure?: KubeFailure
  /** What was waited, in milliseconds. */
  readonly waitedMs: number
}

/**
 * For a program that runs once a node: waits before its first lists, a random part of a time that grows with the number of
 * nodes, so that a thousand that start in one instant do not list in one. Of three nodes none waits for longer than a few
 * milliseconds. Costs a request for one Node. Rejects only when the signal aborts.
 */
export async function spreadStart(
  { transport, clock, random }: StartSpreadComponents,
  { perNodeMs = 2, mostMs = 2_000, signal }: StartSpreadInit = {},
): Promise<StartSpread> {
  const counted = await countNodes(transport, signal)
  signal?.throwIfAborted()
  const spreadMs = counted.nodes === undefined ? mostMs : Math.min(mostMs, counted.nodes * perNodeMs)
  const waitedMs = spreadMs * random.next()
  await delay(clock, waitedMs, signal)
  return { ...counted, waitedMs }
}

async function countNodes(
  transport: KubeTransport,
  signal: AbortSignal | undefined,
): Promise<Pick<StartSpread, 'nodes' | 'failure'>> {
  try {
    const response = await transport.request({
      method: 'GET',
      path: collectionPath(NODES),
      query: { limit: '1' },
      idleMs: PATIENCE_MS,
      ...(signal !== undefined && { signal }),
    })
    if (response.status !== 200) throw kubeFailure(await failureOf(response))
    const { items, metadata } = parse<OneNode>(await response.text())
    return { nodes: (items?.length ?? 0) + (metadata?.remainingItemCount ?? 0) }
  } catch (error) {
    return { nodes: undefined, failure: asKubeFailure(error) }
  }
}

interface OneNode {
  readonly items?: readonly unknown[] | null
  readonly metadata?: { readonly remainingItemCount?: number }
}

const PATIENCE_MS = 2_000 // a server that is silent is no reason not to start
