import { Cluster } from './cluster.ts'
import { layConfiguration } from './configuration.ts'
import { INVARIANTS } from './invariants/index.ts'
import type { Invariant, Observer } from './invariants/invariant.ts'
import type { Plant } from './plant.ts'
import { scenarioOf, type Scenario } from './scenario.ts'
import { Trace } from './trace.ts'
import { Users } from './users.ts'
import { Weather } from './weather.ts'
import { World } from './world.ts'

/** What came of one seed. */
export interface Played {
  readonly seed: number
  /** Promises that were broken, each told once. */
  readonly broken: readonly Breach[]
  readonly trace: Trace
  readonly virtualMs: number
  readonly events: number
}

export interface Breach {
  readonly invariant: string
  readonly what: string
  /** The clock's milliseconds. */
  readonly at: number
}

export interface PlayOptions {
  readonly plant?: Plant
  readonly invariants?: readonly Invariant[]
  readonly scenario?: Scenario
}

/** Plays one seed to its end, or to the first broken promise. */
export async function play(seed: number, options: PlayOptions = {}): Promise<Played> {
  const simulation = new Simulation(options.scenario ?? scenarioOf(seed), options)
  await simulation.run()
  const { broken, trace, world } = simulation
  return { seed, broken, trace, virtualMs: world.now(), events: world.events }
}

class Simulation {
  readonly world: World = new World()
  readonly trace: Trace = new Trace(this.world)
  readonly broken: Breach[] = []
  readonly #scenario: Scenario
  readonly #cluster: Cluster
  readonly #weather: Weather
  readonly #users: Users
  readonly #observers: readonly Observer[]
  /** But for those of the lease, which never rests. */
  #writes = 0

  constructor(scenario: Scenario, { plant = {}, invariants = INVARIANTS }: PlayOptions) {
    this.#scenario = scenario
    const observers: Observer[] = []
    const told =
      <Name extends keyof Observer>(name: Name) =>
      (...args: Parameters<NonNullable<Observer[Name]>>): void => {
        for (const observer of observers) (observer[name] as ((...all: unknown[]) => void) | undefined)?.(...args)
      }
    this.#cluster = new Cluster(scenario, this.world, {
      plant,
      fault: (program, request) => this.#weather.fault(program, request),
      onRequest: told('onRequest'),
      onHeard: told('onHeard'),
      onStart: told('onStart'),
      onEvent: (program, event) => {
        this.trace.add(program, event.name, event.detail)
        told('onEvent')(program, event.name, event.detail)
      },
      onLog: (program, line) => this.#onLog(program, line),
      answers: told('answers'),
      announces: told('announces'),
      onRib: told('onRib'),
      onRouterEvent: (router, name, detail) => {
        this.trace.add(router.name, name, detail)
        told('onRouterEvent')(router, name, detail)
      },
    })
    layConfiguration(this.#cluster.objects, scenario)
    this.#weather = new Weather(this.#cluster)
    this.#users = new Users(this.#cluster)
    const sight = { cluster: this.#cluster, weather: this.#weather }
    for (const { name, watch } of invariants)
      observers.push(watch({ ...sight, broken: what => this.#break(name, what) }))
    this.#observers = observers
    this.#cluster.api.core.store.listen(entry => {
      if (entry.collection !== LEASES) this.#writes++
      told('onWrite')(entry)
    })
    this.world.onEvent = told('afterEvent')
  }

  async run(): Promise<void> {
    for (let i = 0; i < this.#scenario.services; i++) this.#users.createService()
    this.#cluster.start()
    await this.#rest()
    for (let storm = 0; storm < this.#scenario.storms && !this.#isOver; storm++) {
      await this.#storm()
      await this.#rest()
    }
    if (!this.#isOver) await this.#restartEverything()
    if (!this.#isOver) await this.#end()
  }

  get #isOver(): boolean {
    return this.broken.length > 0
  }

  async #storm(): Promise<void> {
    const dice = this.#weather.dice
    for (let i = 0; i < this.#scenario.strikes && !this.#isOver; i++) {
      this.trace.add('strike', dice.chance(0.5) ? this.#users.act() : this.#weather.strike(), {})
      await this.world.advance(dice.chance(0.2) ? dice.between(1_000, 30_000) : dice.between(0, 1_500))
    }
  }

  /** Everybody is restarted, one way or the other, and nothing else happens. */
  async #restartEverything(): Promise<void> {
    const before = this.#assignments()
    for (const program of this.#cluster.programs) {
      this.trace.add('strike', `restart ${program.name}`, {})
      this.#weather.restart(program, this.#weather.dice.chance(0.5))
      await this.world.advance(this.#weather.dice.between(0, 4_000))
    }
    await this.#rest()
    const after = this.#assignments()
    if (before !== after) this.#break('restarting any process changes no assignment', `${before} became ${after}`)
  }

  /** Every speaker is told to stop, in fine weather. */
  async #end(): Promise<void> {
    for (const speaker of this.#cluster.speakers) this.#weather.leave(speaker)
    await this.world.advance(LEAVING_MS)
    for (const observer of this.#observers) await observer.atEnd?.()
  }

  async #rest(): Promise<void> {
    if (this.#isOver) return
    this.#weather.calm()
    this.#users.mend()
    const deadline = this.world.now() + MOST_CALM_MS
    let [seen, since] = [this.#writes, this.world.now()]
    while (this.world.now() - since < QUIET_MS) {
      if (this.world.now() > deadline) return this.#break('everything comes to rest', this.#unrest().join('; '))
      await this.world.advance(STEP_MS)
      if (this.#isOver) return
      if (this.#writes !== seen || this.#unrest().length > 0) [seen, since] = [this.#writes, this.world.now()]
    }
    for (const observer of this.#observers) await observer.atRest?.()
  }

  /** Who died with the lease keeps it until it is over. */
  #isLed(): boolean {
    const { controllers, api } = this.#cluster
    if (controllers.length === 1) return true
    const [lease] = api.core.store.list(LEASES) as unknown as readonly { spec?: { holderIdentity?: string } }[]
    return controllers.some(({ life, identity }) => life !== undefined && identity === lease?.spec?.holderIdentity)
  }

  /** What still moves, or is not there yet. */
  #unrest(): readonly string[] {
    const { programs, speakers } = this.#cluster
    const nodes = speakers.map(({ machine }) => machine.node).join()
    return [
      ...programs.flatMap(({ name, troubles }) => troubles.map(trouble => `${name}: ${trouble}`)),
      ...programs.flatMap(({ name, life }) => (life?.process.isHeld === true ? [`${name} stands still`] : [])),
      ...speakers.flatMap(({ name, members }) =>
        members === 'all' || members === nodes ? [] : [`${name} knows ${members}`],
      ),
      ...this.#cluster
        .pairs()
        .filter(({ speaker, router }) => !router.isEstablished(speaker.machine.node))
        .map(({ speaker, router }) => `no session between ${speaker.machine.node} and ${router.name}`),
      ...(this.#isLed() ? [] : ['nobody leads']),
    ]
  }

  #assignments(): string {
    const { services } = this.#cluster.objects
    return JSON.stringify(services.map(({ metadata, status }) => [metadata.name, status?.loadBalancer?.ingress ?? []]))
  }

  #onLog(program: string, line: string): void {
    if (BUGS.some(event => line.startsWith(event))) this.#break('nobody fails', `${program}: ${line}`)
  }

  #break(invariant: string, what: string): void {
    if (this.broken.length < MOST_BREACHES) this.broken.push({ invariant, what, at: this.world.now() })
  }
}

/** Lines that the programs write when something in them has gone wrong. */
const BUGS = ['handler-failed', 'service-failed', 'status-refused']
const LEASES = 'leases.coordination.k8s.io'
const MOST_BREACHES = 10
const STEP_MS = 500
const QUIET_MS = 4_000
/** The longest back-offs, one after the other: reflector, work queue, session. */
const MOST_CALM_MS = 300_000
const LEAVING_MS = 10_000
