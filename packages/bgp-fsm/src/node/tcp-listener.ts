import { createServer, type Server } from 'node:net'
import { equalAddresses, formatAddress, type Family } from '@metallb-ts/netip'
import type { Connection, ConnectionHandlers, ListenKey, ListenOptions, Transport } from '../transport.ts'
import type { SpecialSockets } from './special-sockets.ts'
import { attach, connectionOf, descriptorOf, LINGER_MS } from './tcp-connection.ts'

/** A socket for each family: what is set on one of both families leaves IPv4 unmarked, and cannot take every key. */
export async function listen(
  { port, address, keys = [], needsTtl = false }: ListenOptions,
  accept: (connection: Connection) => ConnectionHandlers | undefined,
  loadSpecial: () => Promise<SpecialSockets>,
): ReturnType<NonNullable<Transport['listen']>> {
  // Keys may come later; where the special sockets cannot be had, only who needs them fails.
  const special = await loadSpecial().catch((error: unknown) => {
    if (keys.length > 0 || needsTtl) throw error
    return undefined
  })
  const hosts = address === undefined ? ANY : [{ family: address.family, host: formatAddress(address) }]
  const servers: { readonly family: Family; readonly server: Server }[] = []
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(({ server }) => new Promise(done => server.close(done))))
  }
  for (const { family, host } of hosts) {
    const server = createServer({ noDelay: true }, socket => {
      const handlers = accept(connectionOf(socket, special))
      if (handlers !== undefined) return attach(socket, handlers)
      socket.on('error', () => {})
      socket.end()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, host, ipv6Only: true }, resolve)
      })
      servers.push({ family, server })
    } catch (error) {
      // A machine may do without one family.
      const isLast = host === hosts.at(-1)?.host
      if (isFamilyMissing(error) && !(isLast && servers.length === 0)) continue
      await close()
      throw error
    }
  }
  let inForce: readonly ListenKey[] = []
  const setKeys = (wanted: readonly ListenKey[]): void => {
    if (special === undefined && wanted.length > 0) throw new Error('TCP MD5 cannot be had on this system')
    const gone = inForce.filter(({ remote }) => !wanted.some(key => equalAddresses(key.remote, remote)))
    for (const { remote, password } of [...gone.map(({ remote }) => ({ remote, password: '' })), ...wanted])
      for (const { family, server } of servers)
        if (family === remote.family) special?.setTcpOptions(descriptorOf(server), { remote, md5: password })
    inForce = wanted
  }
  setKeys(keys)
  return { setKeys, close }
}

const ANY = [
  { family: 'ipv4', host: '0.0.0.0' },
  { family: 'ipv6', host: '::' },
] as const

function isFamilyMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}
