export { createAccessReviewer, type Access, type AccessReviewer } from './access.ts'
export {
  createClient,
  type ClientInit,
  type KubeClient,
  type ListOptions,
  type Page,
  type PatchOptions,
  type Writable,
} from './client.ts'
export { discover, waitUntilServed, type Discovery } from './discovery.ts'
export { type Lease } from './election.ts'
export { OLDER_ENDPOINTS, type SliceEndpoint, type SliceObject } from './endpoints.ts'
export { isSameJson } from './equal.ts'
export { type KubeEvents } from './events.ts'
export { asKubeFailure, isCode, kubeFailure, type Flaw, type KubeFailure, type KubeFailureCode } from './failure.ts'
export { follow, type Followed, type Listenable } from './follow.ts'
export { whenSynced } from './gate.ts'
export {
  createInformer,
  type Informer,
  type InformerComponents,
  type InformerHealth,
  type InformerInit,
} from './informer.ts'
export { type LateAnswer } from './late-answer.ts'
export { createLeader, type Leader, type LeaderComponents, type LeaderInit } from './leader.ts'
export { createOnce, writeObject, type CreateComponents, type ObjectWrite, type Written } from './object-writer.ts'
export {
  createRecorder,
  type EventRecorder,
  type EventSubject,
  type RecordedEvent,
  type RecorderInit,
} from './recorder.ts'
export {
  apiVersion,
  collectionPath,
  CONFIG_MAPS,
  CUSTOM_RESOURCE_DEFINITIONS,
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
export { type OlderResource } from './served-choice.ts'
export { type Selection } from './source.ts'
export { spreadStart, type StartSpread, type StartSpreadComponents, type StartSpreadInit } from './start-spread.ts'
export { writeStatus, type StatusWrite } from './status-writer.ts'
export { Store, type Indexes, type Lister, type Stored, type StoreChange } from './store.ts'
export { type Members, type Unread } from './members.ts'
export { type KubeRequest, type KubeResponse, type KubeTransport } from './transport.ts'
export {
  createWorkQueue,
  DONE,
  type Outcome,
  type WorkQueue,
  type WorkQueueComponents,
  type WorkQueueInit,
} from './work-queue.ts'
