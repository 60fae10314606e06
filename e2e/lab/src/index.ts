export { BIRD_ASN, FAR, FRR_ASN, HOSTS, LAN, NODE_ASN, nodeHost, NODES, type NodeName } from './addresses.ts'
export { type ApiKind } from './api-server.ts'
export { Lab, type ClientName, type GapReport, type LabInit } from './lab.ts'
export { missingRouters, type Router } from './routers.ts'
