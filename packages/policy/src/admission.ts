import type { BGPPeer, KubeObject } from '@metallb-ts/api'
import { readConfig, type ConfigResources } from './config.ts'
import { explainProblem, type ConfigProblem } from './problem.ts'

/** A write that somebody wants to make to a custom resource. */
export interface ProposedWrite {
  readonly kind: ConfigKind
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly name: string
  readonly namespace: string
  /** As it would be; absent for a deletion. */
  readonly object?: KubeObject
}

export type ConfigKind =
  'IPAddressPool' | 'L2Advertisement' | 'BGPAdvertisement' | 'BGPPeer' | 'BFDProfile' | 'Community'

export interface AdmissionVerdict {
  readonly allowed: boolean
  readonly message?: string
  readonly warnings?: readonly string[]
}

/** Whether the configuration would still be good. What is wrong already, and what may be mended by a later write, refuses nothing. */
export function judgeWrite(write: ProposedWrite, resources: ConfigResources, ownNamespace: string): AdmissionVerdict {
  const { kind, operation, name, namespace, object } = write
  if (operation === 'DELETE') return judgeDeletion(write, resources)
  if (operation === 'CREATE' && namespace !== ownNamespace)
    return refuse(`resource must be created in ${ownNamespace} namespace`)
  const list = LISTS[kind]
  const others = (resources[list] as readonly KubeObject[]).filter(({ metadata }) => metadata.name !== name)
  const proposed = { ...object!, metadata: { creationTimestamp: NEWEST, ...object!.metadata } }
  const before = readConfig({ ...resources, [list]: others }).problems.map(explainProblem)
  const { problems } = readConfig({ ...resources, [list]: [...others, proposed] })
  const faults = problems.filter(problem => isFinal(problem) && !before.includes(explainProblem(problem)))
  if (faults.length > 0) return refuse(faults.map(explainProblem).join('; '))
  return isPeerWithDisabledMp(kind, proposed) ? { allowed: true, warnings: [DISABLE_MP] } : { allowed: true }
}

const LISTS: Readonly<Record<ConfigKind, keyof ConfigResources>> = {
  IPAddressPool: 'pools',
  L2Advertisement: 'l2Advertisements',
  BGPAdvertisement: 'bgpAdvertisements',
  BGPPeer: 'peers',
  BFDProfile: 'bfdProfiles',
  Community: 'communities',
}

const NEWEST = '9999-12-31T23:59:59Z'
const DISABLE_MP = 'disable mp is deprecated and has no effect since it is the default behavior now'

/** Objects are applied in any order: what one refers to may come after it. */
const MENDED_LATER: readonly ConfigProblem['code'][] = [
  'missing-secret',
  'bad-secret',
  'unknown-bfd-profile',
  'unknown-community',
  'node-address-in-pool',
]

function isFinal({ code }: ConfigProblem): boolean {
  return !MENDED_LATER.includes(code)
}

function judgeDeletion({ kind, name }: ProposedWrite, { peers }: ConfigResources): AdmissionVerdict {
  const user = kind === 'BFDProfile' ? peers.find(({ spec }) => spec.bfdProfile === name) : undefined
  if (user === undefined) return { allowed: true }
  return refuse(`failed to delete BFDProfile ${name}, used by BGPPeer ${user.metadata.name}`)
}

function isPeerWithDisabledMp(kind: ConfigKind, object: KubeObject): boolean {
  return kind === 'BGPPeer' && (object as BGPPeer).spec.disableMP === true
}

function refuse(message: string): AdmissionVerdict {
  return { allowed: false, message }
}
