export { ApiCore, type Answer, type Target } from './api-core.ts'
export { startFakeApiServer, type FakeApiServer, type FakeApiServerInit } from './fake-api-server.ts'
export { Faults, type Fault, type FaultEffect } from './faults.ts'
export { ObjectStore, type StoredObject } from './object-store.ts'
