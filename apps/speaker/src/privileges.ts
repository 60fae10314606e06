/** A Linux capability that this process lacks. */
export interface MissingPrivilege {
  /** As in a pod's `securityContext.capabilities.add`. */
  readonly capability: string
  readonly neededTo: string
}

/**
 * What the process may not do and has to.
 * @param status text of /proc/self/status
 * @param bgpListenPort 0 where routers open no sessions
 */
export function missingPrivileges(
  status: string,
  { bgpListenPort }: { readonly bgpListenPort: number },
): readonly MissingPrivilege[] {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/im.exec(status) ?? []
  if (effective === undefined) return []
  const set = BigInt(`0x${effective}`)
  const isPrivileged = bgpListenPort > 0 && bgpListenPort < 1_024
  return CAPABILITIES.filter(({ bit }) => (set & (1n << bit)) === 0n)
    .filter(({ capability }) => capability !== 'NET_BIND_SERVICE' || isPrivileged)
    .map(({ capability, neededTo }) => ({ capability, neededTo }))
}

/** Their numbers are the kernel's, include/uapi/linux/capability.h. */
const CAPABILITIES = [
  { bit: 13n, capability: 'NET_RAW', neededTo: 'answer ARP and neighbor solicitations' },
  { bit: 10n, capability: 'NET_BIND_SERVICE', neededTo: 'take sessions of routers on a port below 1024' },
] as const
