export { connect, type Connected } from './connect.ts'
export { httpTransport, tokenFile, type HttpTransportInit } from './http-transport.ts'
