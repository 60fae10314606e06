export { arpFilter, encodeProgram, MAX_INSTRUCTIONS, neighborFilter, type Instruction } from './bpf.ts'
export { LinkTable, type Link } from './link-table.ts'
export { decodeLinkMessages, dumpRequest, type InterfaceAddress, type LinkFacts, type LinkMessage } from './netlink.ts'
