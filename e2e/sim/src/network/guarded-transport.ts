import type { Connection, ConnectionHandlers, Transport } from '@metallb-ts/bgp-fsm'
import type { SimProcess } from '../process.ts'

export interface GuardInit {
  readonly process: SimProcess
  readonly transport: Transport
  /** Told of a connection that stands, ours or theirs. */
  readonly onConnection?: (connection: Connection) => void
  /** What leaves by a connection in place of these bytes. */
  readonly sends?: (bytes: Uint8Array) => Uint8Array | undefined
}

/** TCP of one process: what comes for a process that is dead comes to nobody, and one that stalls reads it later. */
export function guardedTransport({ process, transport, onConnection, sends }: GuardInit): Transport {
  const guard = ({ received, closed, drained }: ConnectionHandlers): ConnectionHandlers => ({
    received: bytes => process.enter(() => received(bytes)),
    closed: reason => process.enter(() => closed(reason)),
    drained: () => process.enter(drained),
  })
  const open = new Set<Connection>()
  // The kernel closes what the process has left open, behind everything that was sent.
  process.onDeath(() => open.forEach(connection => connection.close('now')))
  const outgoing = (connection: Connection): Connection => {
    onConnection?.(connection)
    open.add(connection)
    return {
      localAddress: connection.localAddress,
      remoteAddress: connection.remoteAddress,
      write: bytes => {
        const sent = sends === undefined ? bytes : sends(bytes)
        return sent === undefined ? true : connection.write(sent)
      },
      close: how => {
        open.delete(connection)
        connection.close(how)
      },
    }
  }
  return {
    dial: (options, { opened, failed }) =>
      transport.dial(options, {
        opened: connection => {
          let handlers: ConnectionHandlers | undefined
          process.enter(() => (handlers = opened(outgoing(connection))))
          return guard({
            received: bytes => handlers?.received(bytes),
            closed: reason => handlers?.closed(reason),
            drained: () => handlers?.drained(),
          })
        },
        failed: reason => process.enter(() => failed(reason)),
      }),
    listen: async (options, accept) => {
      const listening = await transport.listen!(options, connection => {
        if (!process.isAlive) return undefined
        process.world.touch()
        const handlers = accept(outgoing(connection))
        return handlers && guard(handlers)
      })
      process.onDeath(() => void listening.close())
      return listening
    },
  }
}
