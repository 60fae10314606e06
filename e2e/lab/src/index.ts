export {
  BIRD_ASN,
  FAR,
  FAR_BIRD_ASN,
  FRR_ASN,
  HOSTS,
  LAN,
  NODE_ASN,
  nodeHost,
  NODES,
  type NodeName,
} from './addresses.ts'
export { PROGRAM_FLAGS, type Account, type ApiKind } from './api-server.ts'
export { type Answer, type ClientName, type GapReport } from './clients.ts'
export { Cluster, SYSTEM, type ServiceInit } from './cluster.ts'
export { eventually, pause } from './eventually.ts'
export { Lab, type LabInit } from './lab.ts'
export { missingRouters, type Router } from './routers.ts'
export { applyConfiguration, applyPeers, LAN_POOL, ROUTED_POOL } from './scene.ts'
