import { discover } from './discovery.ts'
import { isCode, kubeFailure } from './failure.ts'
import { apiVersion, type KubeObject, type Resource } from './resource.ts'
import type { KubeTransport } from './transport.ts'

/** Another kind, or version, that tells the same. */
export interface OlderResource<Raw extends KubeObject> {
  readonly resource: Resource
  readonly upgrade: (object: KubeObject) => Raw
}

/** The resource itself has nothing to upgrade. */
export type Served<Raw extends KubeObject> = Pick<OlderResource<Raw>, 'resource'> & Partial<OlderResource<Raw>>

/**
 * Which of several resources that tell the same is read: the newest that the server's discovery names. The answer is kept
 * while the newest of all is read, until that is missing. An older one is never missing where Endpoints are served, however
 * new the server has become meanwhile: so it is asked about again each time.
 */
export class ServedChoice<Raw extends KubeObject> {
  readonly #transport: KubeTransport
  readonly #newestFirst: readonly Served<Raw>[]
  /** Not there when they were asked for; looked at only where discovery may not be read. */
  readonly #missing = new Set<Served<Raw>>()
  #chosen: Served<Raw> | undefined
  #isInDoubt = false

  constructor(transport: KubeTransport, newest: Resource, older: readonly OlderResource<Raw>[] = []) {
    this.#transport = transport
    this.#newestFirst = [{ resource: newest }, ...older]
    if (older.length === 0) this.#chosen = this.#newestFirst[0]
  }

  /** What was chosen last; undefined before the first choice. */
  get chosen(): Served<Raw> | undefined {
    return this.#chosen
  }

  /** One request for every candidate that is asked about. Rejects with a `Failure` when none is served, or nobody can tell. */
  async choose(signal: AbortSignal): Promise<Served<Raw>> {
    const [newest] = this.#newestFirst
    if (this.#chosen === newest && !this.#isInDoubt) return newest!
    for (const candidate of this.#newestFirst) {
      if (!(await this.#isServed(candidate, signal))) continue
      this.#isInDoubt = false
      this.#chosen = candidate
      return candidate
    }
    this.#missing.clear()
    const names = this.#newestFirst.map(({ resource }) => `${resource.plural} of ${apiVersion(resource)}`)
    throw kubeFailure({ code: 'not-found', status: 404, message: `none is served of ${names.join(', ')}` })
  }

  /** What was chosen is not there after all. True when another may be. */
  missed(): boolean {
    if (this.#newestFirst.length === 1) return false
    this.#isInDoubt = true
    this.#missing.add(this.#chosen!)
    return true
  }

  async #isServed(candidate: Served<Raw>, signal: AbortSignal): Promise<boolean> {
    try {
      return (await discover(this.#transport, [candidate.resource], signal)).serves(candidate.resource)
    } catch (error) {
      if (isCode(error, 'forbidden')) return !this.#missing.has(candidate)
      throw error
    }
  }
}
