import assert from 'node:assert/strict'
import type { KubeClient } from '../../client.ts'
import { collectionPath, type KubeObject, type Resource } from '../../resource.ts'

/** The events of a watch, in short. */
export class Watch {
  readonly #lines: AsyncIterator<readonly string[]>
  #waiting: string[] = []
  readonly #abort: AbortController

  private constructor(lines: AsyncIterator<readonly string[]>, abort: AbortController) {
    this.#lines = lines
    this.#abort = abort
  }

  static async open(
    client: KubeClient,
    resource: Resource,
    namespace: string,
    query: Readonly<Record<string, string>>,
  ): Promise<Watch> {
    const abort = new AbortController()
    const path = collectionPath(resource, namespace)
    const request = { method: 'GET', path, query: { watch: '1', ...query }, signal: abort.signal } as const
    const response = await client.transport.request(request)
    assert.equal(response.status, 200)
    return new Watch(response.lines()[Symbol.asyncIterator](), abort)
  }

  async next(): Promise<string> {
    for (;;) {
      const { type, object } = JSON.parse(await this.#line()) as {
        type: string
        object: KubeObject & { code?: number }
      }
      if (type === 'ERROR') return `ERROR ${object.code}`
      if (type !== 'BOOKMARK') return `${type} ${object.metadata.name}`
      if (object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') return 'BOOKMARK end of initial events'
    }
  }

  async #line(): Promise<string> {
    while (this.#waiting.length === 0) {
      const { value, done } = await this.#lines.next()
      assert.ok(done !== true, 'the watch ended')
      this.#waiting.push(...value.filter(line => line !== ''))
    }
    return this.#waiting.shift()!
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#lines.next().catch(() => undefined)
  }
}
