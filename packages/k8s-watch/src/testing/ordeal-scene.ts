import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { createClient, type KubeClient } from '../client.ts'
import type { KubeEvents } from '../events.ts'
import { isCode, type KubeFailureCode } from '../failure.ts'
import { createInformer, type Informer, type InformerInit } from '../informer.ts'
import { httpTransport } from '../node/http-transport.ts'
import { CONFIG_MAPS, type KubeObject } from '../resource.ts'
import { startFaultProxy, type FaultProxy, type FaultProxyInit } from './fault-proxy.ts'

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> }

export interface OrdealInit extends FaultProxyInit {
  /** Goes to the server straight. */
  readonly client: KubeClient
  /** A namespace of this ordeal alone; it is there. */
  readonly namespace: string
}

/** A server, a proxy before it that misbehaves, and stores that read through the proxy. */
export class OrdealScene {
  readonly namespace: string
  readonly proxy: FaultProxy
  /** Goes through the proxy. */
  readonly through: KubeClient
  readonly #client: KubeClient
  readonly #informers: Informer<ConfigMap>[] = []

  private constructor({ client, namespace }: OrdealInit, proxy: FaultProxy) {
    this.#client = client
    this.namespace = namespace
    this.proxy = proxy
    this.through = createClient(httpTransport({ server: proxy.url }))
  }

  static async open(init: OrdealInit): Promise<OrdealScene> {
    return new OrdealScene(init, await startFaultProxy(init))
  }

  /** Starts a store of the namespace's ConfigMaps that are labelled `mine`. */
  follow(init: Partial<InformerInit<ConfigMap, ConfigMap>> = {}): Followed {
    const told: string[] = []
    const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
    events.subscribe('kube:changed', ({ detail }) => void told.push(`${detail.change} ${detail.key.split('/')[1]}`))
    const seams = { transport: this.through.transport, clock: REAL_CLOCK, random: realRandom(), events }
    const selection = { resource: CONFIG_MAPS, namespace: this.namespace, labelSelector: 'mine' }
    const informer = createInformer<ConfigMap>(seams, { ...selection, ...init })
    this.#informers.push(informer)
    informer.start()
    return { informer, told }
  }

  make(name: string, data: object = {}): Promise<ConfigMap> {
    const metadata = { name, namespace: this.namespace, labels: { mine: '' } }
    return this.#client.create(CONFIG_MAPS, { metadata, data } as never)
  }

  unlabel(name: string): Promise<ConfigMap> {
    const patch = { metadata: { labels: { mine: null } } }
    return this.#client.patch(CONFIG_MAPS, `${this.namespace}/${name}`, patch, { type: 'merge' })
  }

  remove(name: string): Promise<void> {
    return this.#client.remove(CONFIG_MAPS, `${this.namespace}/${name}`)
  }

  /** Resolves when a watch that goes on from a version was asked for. */
  watching(): Promise<void> {
    return until('a watch', () => this.proxy.requests.some(request => request.includes('resourceVersion=')))
  }

  async close(): Promise<void> {
    for (const informer of this.#informers) informer.stop()
    await this.through.transport.close()
    await this.proxy.stop()
  }
}

export interface Followed {
  readonly informer: Informer<ConfigMap>
  /** What was told so far: `applied a`. */
  readonly told: readonly string[]
}

/** Resolves when the store has a whole set and shows just these. */
export function shows({ informer }: Pick<Followed, 'informer'>, ...names: readonly string[]): Promise<void> {
  const shown = (): string =>
    informer
      .list()
      .map(({ metadata }) => metadata.name)
      .sort()
      .join()
  return until(`the store to show ${names.join()}`, () => informer.isSynced && shown() === names.join(), shown)
}

export async function until(what: string, isSo: () => boolean, now: () => unknown = () => ''): Promise<void> {
  const deadline = REAL_CLOCK.now() + PATIENCE_MS
  while (!isSo()) {
    assert.ok(REAL_CLOCK.now() < deadline, `waited in vain for ${what}; now: ${String(now())}`)
    await sleep(LOOK_MS)
  }
}

export async function failsAs(code: KubeFailureCode, call: Promise<unknown>): Promise<void> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(isCode(failure, code), `not ${code}, but ${String(failure)}`)
}

const PATIENCE_MS = 60_000
const LOOK_MS = 20
