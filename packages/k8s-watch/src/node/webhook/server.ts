import { createServer as createHttpsServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock, TlsSettings } from '@metallb-ts/runtime'
import type { KubeObject } from '../../resource.ts'
import type { KeyPair } from './certificate.ts'

/** What is asked of a validating webhook: may this be written? */
export interface AdmissionRequest<T extends KubeObject = KubeObject> {
  readonly uid: string
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly namespace?: string
  readonly name?: string
  readonly object: T | null
  readonly oldObject: T | null
}

export interface AdmissionAnswer {
  readonly allowed: boolean
  /** Why not. */
  readonly message?: string
  /** Shown to who wrote, without a refusal. */
  readonly warnings?: readonly string[]
}

export type Validator = (request: AdmissionRequest) => AdmissionAnswer | Promise<AdmissionAnswer>

/** Makes another version of an object. Throws what cannot be converted. */
export type Converter = (object: KubeObject, desiredApiVersion: string) => KubeObject

export interface WebhookServerInit {
  readonly clock: Clock
  readonly host?: string
  /** 0 picks a free one. @default 9443 */
  readonly port?: number
  readonly certificate: KeyPair
  /** What handshakes keep to. @default TLS 1.2 and newer */
  readonly tls?: TlsSettings
  readonly validators: Readonly<Record<string, Validator>>
  readonly converters?: Readonly<Record<string, Converter>>
  /** A validator that has not answered by then lets pass what `onTimeout` says. @default 8000, below the API server's 10 s */
  readonly timeoutMs?: number
  /** @default refuse */
  readonly onTimeout?: 'allow' | 'refuse'
}

export interface WebhookServer {
  readonly port: number
  /** New connections see this certificate; open ones go on. */
  useCertificate(certificate: KeyPair): void
  stop(): Promise<void>
}

/** Answers an API server's AdmissionReviews and ConversionReviews over TLS. */
export async function startWebhookServer(init: WebhookServerInit): Promise<WebhookServer> {
  const tls = init.tls ?? { minVersion: 'TLSv1.2' as const }
  const server = createHttpsServer({ ...tls, ...init.certificate }, (request, response) => {
    void answered(init, request).then(
      ({ status, body }) => void response.writeHead(status, JSON_TYPE).end(JSON.stringify(body)),
      (error: unknown) => refuse(response, error),
    )
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  await listening(server, init.port ?? 9_443, init.host)
  return {
    port: (server.address() as AddressInfo).port,
    useCertificate: renewed => server.setSecureContext({ ...tls, ...renewed }),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const MAX_BODY = 3 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 8_000

async function answered(init: WebhookServerInit, request: IncomingMessage): Promise<{ status: number; body: object }> {
  const path = (request.url ?? '').split('?')[0]!
  const validator = init.validators[path]
  const converter = init.converters?.[path]
  if (validator === undefined && converter === undefined)
    return { status: 404, body: { message: `nothing is served at ${path}` } }
  const review = await readReview(request)
  const body = validator === undefined ? converted(review, converter!) : await judged(init, review, validator)
  return { status: 200, body: { apiVersion: review.apiVersion, kind: review.kind, response: body } }
}

interface Review {
  readonly apiVersion: string
  readonly kind: string
  readonly request: { readonly uid: string } & Readonly<Record<string, unknown>>
}

async function judged(init: WebhookServerInit, { request }: Review, validate: Validator): Promise<object> {
  const { uid } = request
  const { allowed, message, warnings } = await timely(init, async () =>
    validate(request as unknown as AdmissionRequest),
  )
  return {
    uid,
    allowed,
    ...(!allowed && { status: { code: 403, message: message ?? 'refused' } }),
    ...(warnings !== undefined && { warnings }),
  }
}

/** Late is as bad as wrong: the API server would only say that it gave up. */
async function timely(
  { clock, timeoutMs = DEFAULT_TIMEOUT_MS, onTimeout = 'refuse' }: WebhookServerInit,
  validate: () => Promise<AdmissionAnswer>,
): Promise<AdmissionAnswer> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(timeoutMs, () => {
      const message = `the check took more than ${timeoutMs} ms`
      resolve(onTimeout === 'allow' ? { allowed: true, warnings: [message] } : { allowed: false, message })
    })
    validate()
      .then(resolve, reject)
      .finally(() => timer.cancel())
  })
}

/** The answer is in the version of the question: API servers ask in v1beta1 when a definition lists it first. */
function converted({ request }: Review, convert: Converter): object {
  const { uid, desiredAPIVersion, objects } = request as unknown as ConversionRequest
  try {
    const convertedObjects = objects.map(object => convert(object, desiredAPIVersion))
    return { uid, convertedObjects, result: { status: 'Success' } }
  } catch (error) {
    return { uid, convertedObjects: [], result: { status: 'Failure', message: messageOf(error) } }
  }
}

interface ConversionRequest {
  readonly uid: string
  readonly desiredAPIVersion: string
  readonly objects: readonly KubeObject[]
}

async function readReview(request: IncomingMessage): Promise<Review> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_BODY) throw new RangeError('the review is too large')
  }
  const review = JSON.parse(text) as Partial<Review> | null
  if (typeof review?.request?.uid !== 'string' || typeof review.apiVersion !== 'string')
    throw new TypeError('this is no review')
  return review as Review
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(400, JSON_TYPE).end(JSON.stringify({ message: messageOf(error) }))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function listening(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }) }, () => resolve())
  })
}
