import type { KubeRequest, KubeResponse, KubeTransport } from '@metallb-ts/k8s-watch'
import { gratuitousArp, type LinkPort } from '@metallb-ts/l2-announcer'
import { address } from '@metallb-ts/netip'
import type { Plant } from '../src/index.ts'

/** Every Service is told the address of the first one. */
export function givesOneAddressToAll(): Plant {
  let first: unknown
  return {
    transport: (program, inner) =>
      rewritten(inner, request => {
        if (!program.startsWith('controller') || request.method !== 'PATCH') return request
        const body = JSON.parse(request.body ?? '{}') as { status?: { loadBalancer?: { ingress?: unknown } } }
        if (!Array.isArray(body.status?.loadBalancer?.ingress)) return request
        first ??= body.status.loadBalancer.ingress
        body.status.loadBalancer.ingress = first
        return { ...request, body: JSON.stringify(body) }
      }),
  }
}

/** One node answers for an address that nobody has. */
export function answersForTooMuch(): Plant {
  const extra = { address: address('192.0.2.99'), interfaces: 'all' } as const
  return {
    toLan: (node, message, send) =>
      send(
        message.type === 'apply' && node === 'node-1' ? { ...message, desired: [...message.desired, extra] } : message,
      ),
  }
}

/** Every candidate thinks that it has won. */
export function holdsNoElection(): Plant {
  return {
    toLan: (_node, message, send) =>
      send(
        message.type === 'apply'
          ? { ...message, desired: message.desired.map(({ address, interfaces }) => ({ address, interfaces })) }
          : message,
      ),
  }
}

/** Tells the network of what it is going to hold. */
export function tellsTooSoon(): Plant {
  const ports = new Map<string, LinkPort>()
  return {
    port: (node, port) => {
      ports.set(node, port)
      return port
    },
    toLan: (node, message, send) => {
      const port = ports.get(node)
      for (const { address } of message.type === 'apply' ? message.desired : [])
        if (address.family === 'ipv4' && port !== undefined) port.send(gratuitousArp(address, port.mac)[0])
      send(message)
    },
  }
}

/** Told to stop, it says no more of its routes. */
export function leavesRoutesBehind(): Plant {
  const stopping = new Set<string>()
  return {
    onStop: node => void stopping.add(node),
    bgp: (node, bytes) => (stopping.has(node) && bytes[TYPE] === UPDATE ? undefined : bytes),
  }
}

/** Takes the first word about pools for the last. */
export function doesNotReadPools(): Plant {
  return {
    transport: (program, inner) => ({
      close: () => inner.close(),
      request: async request => {
        const isList = request.query?.['sendInitialEvents'] === 'true' && request.path.endsWith('/ipaddresspools')
        if (!isList || !program.startsWith('speaker')) return inner.request(request)
        const { sendInitialEvents: _whole, resourceVersionMatch: _match, ...query } = request.query ?? {}
        const response = await inner.request({ ...request, query })
        return { ...response, lines: () => endedEarly(response) }
      },
    }),
  }
}

/** Sends something that ends the session, where a bad attribute should not. */
export function endsSessions(): Plant {
  let keepalives = 0
  const bad = [0xff, 0xff, 0xff, 0xff].flatMap(octet => [octet, octet, octet, octet])
  return {
    bgp: (_node, bytes) =>
      bytes[TYPE] === KEEPALIVE && ++keepalives % 20 === 0
        ? Uint8Array.from([...bad, 0, 23, UPDATE, 0, 0, 0, 9])
        : bytes,
  }
}

/** A controller that starts again does not see what Services have. */
export function forgetsAssignments(): Plant {
  const lives = new Map<string, number>()
  return {
    transport: (program, inner) => {
      const life = (lives.get(program) ?? 0) + 1
      lives.set(program, life)
      if (!program.startsWith('controller') || life === 1) return inner
      return {
        close: () => inner.close(),
        request: async request => {
          const response = await inner.request(request)
          return request.path === '/api/v1/services' ? { ...response, lines: () => withoutStatus(response) } : response
        },
      }
    },
  }
}

/** Whatever fails is asked again at once. */
export function neverBacksOff(): Plant {
  return {
    transport: (program, inner) => ({
      close: () => inner.close(),
      request: async request => {
        for (let left = MOST_REPEATS; ; left--) {
          try {
            return await inner.request(request)
          } catch (error) {
            if (left === 0 || !program.startsWith('speaker') || request.signal?.aborted === true) throw error
          }
        }
      },
    }),
  }
}

/** Hears the first word about what to hold, and no other. */
export function heedsTheLanOnce(): Plant {
  const heard = new Set<string>()
  return {
    toLan: (node, message, send) => {
      if (message.type !== 'apply') return send(message)
      if (!heard.has(node)) send(message)
      heard.add(node)
    },
  }
}

/** Keeps its routes to itself. */
export function announcesNothing(): Plant {
  return { bgp: (node, bytes) => (node === 'node-1' && bytes[TYPE] === UPDATE ? undefined : bytes) }
}

/** Draws from somewhere else. */
export function drawsFromTheWorld(): Plant {
  return { random: () => ({ next: () => Math.random() }) }
}

/** In a BGP message. */
const TYPE = 18
const UPDATE = 2
const KEEPALIVE = 4
const MOST_REPEATS = 200

function rewritten(inner: KubeTransport, rewrite: (request: KubeRequest) => KubeRequest): KubeTransport {
  return { close: () => inner.close(), request: request => inner.request(rewrite(request)) }
}

async function* endedEarly(response: KubeResponse): AsyncGenerator<readonly string[]> {
  const end = { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } }
  yield [JSON.stringify({ type: 'BOOKMARK', object: { metadata: end } })]
  yield* response.lines()
}

async function* withoutStatus(response: KubeResponse): AsyncGenerator<readonly string[]> {
  for await (const lines of response.lines()) yield lines.map(withoutItsStatus)
}

function withoutItsStatus(line: string): string {
  const { type, object } = JSON.parse(line) as { type: string; object: Record<string, unknown> }
  return JSON.stringify({ type, object: { ...object, status: {} } })
}
