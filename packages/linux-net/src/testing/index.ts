export { runFilter, type PacketFacts } from './bpf-interpreter.ts'
