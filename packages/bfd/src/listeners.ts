import { ok, type Result } from '@metallb-ts/runtime'
import type { BfdPath } from './path.ts'
import type { BfdTransport, Datagram, Listener, TransportProblem } from './transport.ts'

/** Sockets that receive, one for all sessions of a kind and family, open while there are any. */
export class Listeners {
  readonly #transport: BfdTransport
  readonly #onDatagram: (datagram: Datagram) => void
  readonly #open = new Map<string, { readonly listener: Listener; users: number }>()

  constructor(transport: BfdTransport, onDatagram: (datagram: Datagram) => void) {
    this.#transport = transport
    this.#onDatagram = onDatagram
  }

  take(path: BfdPath): Result<undefined, TransportProblem> {
    const known = this.#open.get(listenerKey(path))
    if (known !== undefined) {
      known.users++
      return ok(undefined)
    }
    const { kind, remote, vrf } = path
    const options = { kind, family: remote.family, ...(vrf !== undefined && { vrf }) }
    const opened = this.#transport.listen(options, this.#onDatagram)
    if (!opened.ok) return opened
    this.#open.set(listenerKey(path), { listener: opened.value, users: 1 })
    return ok(undefined)
  }

  release(path: BfdPath): void {
    const known = this.#open.get(listenerKey(path))
    if (known === undefined || --known.users > 0) return
    known.listener.close()
    this.#open.delete(listenerKey(path))
  }
}

function listenerKey({ kind, remote, vrf = '' }: BfdPath): string {
  return `${kind} ${remote.family} ${vrf}`
}
