export { tcpTransport, type SpecialSockets } from './tcp.ts'
