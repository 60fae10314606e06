export { udpTransport } from './udp-transport.ts'
