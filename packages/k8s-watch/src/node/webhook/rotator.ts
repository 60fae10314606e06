import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '@metallb-ts/runtime'
import type { KubeClient } from '../../client.ts'
import { asKubeFailure, isCode } from '../../failure.ts'
import { SECRETS, type KubeObject } from '../../resource.ts'
import type { AuthorityPlace } from './authority-places.ts'
import type { KeyPair } from './certificate.ts'
import { renewalOf, renewed, type CertificateNeeds, type WebhookCertificates } from './rotation.ts'

export interface RotatorParts {
  readonly client: KubeClient
  readonly clock: Clock
  /** A certificate to serve with: at the start, and whenever another takes its place. */
  readonly onCertificate: (certificate: KeyPair) => void
  readonly onRenewed: (reason: string) => void
  readonly onTrouble: (sentence: string) => void
}

export interface RotatorInit extends CertificateNeeds {
  readonly namespace: string
  readonly secret: string
  /** What is told the authority. */
  readonly places: readonly AuthorityPlace[]
}

export interface Rotator {
  start(): void
  stop(): void
  /** Why API servers would not trust us yet; undefined when they do. */
  readonly trouble: string | undefined
}

/** Keeps the webhooks' Secret good, and the authority known to API servers. What others break is repaired at the next look. */
export function createRotator(parts: RotatorParts, init: RotatorInit): Rotator {
  const { client, clock } = parts
  let timer: Timer | undefined
  let served = ''
  let trouble: string | undefined = 'the certificate of the webhooks is not there yet'
  let isStopped = false

  const look = async (): Promise<void> => {
    try {
      const { authority, server } = await settledSecret()
      if (server.cert !== served) parts.onCertificate(server)
      served = server.cert
      await announce(authority.cert)
      trouble = undefined
    } catch (error) {
      if (isStopped) return
      const { code, message } = asKubeFailure(error)
      trouble = `webhooks: ${code}: ${message}`
      parts.onTrouble(trouble)
    }
    if (!isStopped) timer = clock.setTimer(trouble === undefined ? LOOK_MS : RETRY_MS, () => void look())
  }

  /** Another replica may renew at the same time: the first to write is right. */
  const settledSecret = async (): Promise<WebhookCertificates> => {
    for (let tries = 1; ; tries++) {
      const secret = await existingSecret()
      const found = certificatesIn(secret)
      const renewal = renewalOf(found, init, clock.wallTime())
      if (renewal.what === 'nothing') return found
      const made = await renewed(found, renewal.what, init, clock.wallTime())
      try {
        const data = { ...secret.data, ...dataOf(made) }
        await client.replace(SECRETS, { ...secret, data } as Secret)
        parts.onRenewed(renewal.reason)
        return made
      } catch (error) {
        if (!isCode(error, 'conflict') || tries >= MOST_TRIES) throw error
      }
    }
  }

  const existingSecret = async (): Promise<Secret> => {
    const { namespace, secret: name } = init
    try {
      return await client.get<Secret>(SECRETS, `${namespace}/${name}`)
    } catch (error) {
      if (!isCode(error, 'not-found')) throw error
      return client.create<Secret>(SECRETS, { metadata: { name, namespace } })
    }
  }

  const announce = async (authority: string): Promise<void> => {
    const caBundle = Buffer.from(authority).toString('base64')
    for (const { resource, name, withAuthority } of init.places) {
      const object = await client.get(resource, name)
      const told = withAuthority(object, caBundle)
      if (told !== undefined && !isDeepStrictEqual(told, object)) await client.replace(resource, told)
    }
  }

  return {
    get trouble() {
      return trouble
    },
    start: () => void look(),
    stop: () => {
      isStopped = true
      timer?.cancel()
    },
  }
}

/** Twice a day would do for the calendar; looking often repairs what somebody edited as well. */
const LOOK_MS = 10_000
const RETRY_MS = 5_000
const MOST_TRIES = 10

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

function certificatesIn({ data = {} }: Secret): WebhookCertificates {
  const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8')
  return {
    authority: { cert: text('ca.crt'), key: text('ca.key') },
    server: { cert: text('tls.crt'), key: text('tls.key') },
  }
}

function dataOf({ authority, server }: WebhookCertificates): Readonly<Record<string, string>> {
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  return {
    'ca.crt': encode(authority.cert),
    'ca.key': encode(authority.key),
    'tls.crt': encode(server.cert),
    'tls.key': encode(server.key),
  }
}
