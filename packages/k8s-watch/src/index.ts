export {
  createClient,
  PAGE_SIZE,
  type ClientInit,
  type KubeClient,
  type ListOptions,
  type Page,
  type PatchOptions,
  type Writable,
} from './client.ts'
export { type Lease } from './election.ts'
export { type KubeEvents } from './events.ts'
export { asKubeFailure, isCode, kubeFailure, type KubeFailure, type KubeFailureCode } from './failure.ts'
export { createInformer, type Informer, type InformerComponents, type InformerInit } from './informer.ts'
export { createLeader, type Leader, type LeaderComponents, type LeaderInit } from './leader.ts'
export { createRecorder, type EventRecorder, type EventSubject } from './recorder.ts'
export {
  apiVersion,
  collectionPath,
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  EVENTS,
  LEASES,
  NAMESPACES,
  NODES,
  objectKey,
  objectPath,
  PODS,
  SECRETS,
  SERVICES,
  splitKey,
  type KubeObject,
  type Resource,
} from './resource.ts'
export { isNewer } from './revision.ts'
export { Store, type Indexes, type Lister, type Stored, type StoreChange } from './store.ts'
export { type KubeRequest, type KubeResponse, type KubeTransport } from './transport.ts'
export {
  createWorkQueue,
  DONE,
  type Outcome,
  type WorkQueue,
  type WorkQueueComponents,
  type WorkQueueInit,
} from './work-queue.ts'
