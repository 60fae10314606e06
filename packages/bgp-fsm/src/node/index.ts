export { captureFile, type CaptureFile, type CaptureFileInit } from './capture-file.ts'
export { realComponents, type RealComponents } from './real-components.ts'
export {
  routerDiscovery,
  type FrameSocket,
  type FrameSockets,
  type RouterDiscoveryOptions,
} from './router-discovery.ts'
export type { SpecialSockets } from './special-sockets.ts'
export { tcpTransport } from './tcp.ts'
