export { connect, type Connected } from './connect.ts'
export { httpTransport, tlsFiles, tokenFile, type HttpTransportInit } from './http-transport.ts'
export { type TlsMaterial } from './agents.ts'
export { serveMetrics, type MetricsParts } from './metrics-server.ts'
