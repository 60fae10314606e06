export { buildBinaries, CONTROL_PLANE, findBinaries, versionOf, type Binaries, type Program } from './binaries.ts'
export { startControlPlane, type ControlPlane, type ControlPlaneInit } from './control-plane.ts'
