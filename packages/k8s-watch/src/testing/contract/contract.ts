import type { KubeClient } from '../../client.ts'
import { DEFINITIONS } from './definitions.ts'
import { LISTS } from './lists.ts'
import { OWNERSHIP } from './ownership.ts'
import { SURROUNDINGS } from './surroundings.ts'
import { WATCHES } from './watches.ts'
import { WRITES } from './writes.ts'

/** A server that is asked to prove that it behaves as an API server does. */
export interface ContractSubject {
  readonly client: KubeClient
  /** A namespace of this case alone. */
  readonly namespace: string
  /** Makes the server forget its history. */
  readonly forget: () => Promise<void>
}

export interface ContractCase {
  readonly name: string
  /** Rejects with what was not as it should be. */
  readonly check: (subject: ContractSubject) => Promise<void>
}

/** What clients may rely on, of a real kube-apiserver and of the fake alike. */
export const CONTRACT: readonly ContractCase[] = [
  ...WRITES,
  ...OWNERSHIP,
  ...DEFINITIONS,
  ...LISTS,
  ...WATCHES,
  ...SURROUNDINGS,
]

/** Where the fake differs from the real one: the case, and why it is left so. Everything else holds for both. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map()
