import type { Connection } from '@metallb-ts/bgp-fsm'
import type { SimHost } from '@metallb-ts/bgp-fsm/testing'
import type { SimDatagrams } from '@metallb-ts/membership/testing'
import { formatAddress, type Address } from '@metallb-ts/netip'
import { createLogger } from '@metallb-ts/runtime'
import { createSpeaker, FALLBACK_ROUTER_ID, type Speaker } from '@metallb-ts/speaker/wire'
import { guardedTransport } from '../network/guarded-transport.ts'
import type { LanNode } from '../network/lan.ts'
import { NAMESPACE } from '../objects.ts'
import { beginLife, type Life, type ProgramSurroundings } from './program.ts'
import { SILENT_METRICS } from './silent-metrics.ts'
import { startSimLan, type LanWitness } from './sim-lan.ts'

export interface SpeakerMachine {
  readonly node: string
  readonly address: Address
  readonly lan: LanNode
  readonly host: SimHost
  readonly datagrams: SimDatagrams
}

export interface SpeakerChoices {
  readonly profile: 'fast' | 'balanced' | 'safe' | 'none'
  /** 0: routers may not connect. */
  readonly bgpListenPort: number
}

/** A speaker as its pod has it: killed, stopped and started again, always the same wiring. */
export class SpeakerProgram {
  readonly name: string
  readonly machine: SpeakerMachine
  readonly #surroundings: ProgramSurroundings
  readonly #choices: SpeakerChoices
  readonly #witness: LanWitness
  #lives = 0
  #life: Life | undefined
  #speaker: Speaker | undefined
  #stopping: 'no' | 'asked' | 'done' = 'no'
  #stopAskedAt = Infinity
  #wallOffsetMs = 0
  readonly #connections = new Map<string, Connection>()

  constructor(
    surroundings: ProgramSurroundings,
    machine: SpeakerMachine,
    choices: SpeakerChoices,
    witness: LanWitness,
  ) {
    this.name = `speaker-${machine.node}`
    this.machine = machine
    this.#surroundings = surroundings
    this.#choices = choices
    this.#witness = witness
  }

  get life(): Life | undefined {
    return this.#life?.process.isAlive === true ? this.#life : undefined
  }

  get troubles(): readonly string[] {
    return this.life === undefined ? ['does not run'] : this.#speaker!.troubles
  }

  /** What the speaker says of itself. */
  get state(): unknown {
    return this.#speaker?.state()
  }

  /** Whom it takes for alive, by name; `all` without membership. */
  get members(): string {
    const { members } = this.state as { readonly members: readonly string[] | string }
    return typeof members === 'string' ? 'all' : members.join()
  }

  /** The clock's milliseconds at which this life was told to stop, if it is not killed since. */
  get stopAskedAt(): number {
    return this.#stopping === 'no' ? Infinity : this.#stopAskedAt
  }

  /** Sends a router bytes on their session, between two messages. */
  inject(router: string, bytes: Uint8Array): void {
    const { peers } = this.#speaker?.state() as { peers: readonly { peer: string; state: string }[] }
    const connection = this.#connections.get(router)
    if (this.life !== undefined && peers.every(({ state }) => state === 'established')) connection?.write(bytes)
  }

  /** The node's calendar is set. */
  stepWallClock(ms: number): void {
    this.#wallOffsetMs += ms
    if (this.#life !== undefined) this.#life.process.wallOffsetMs = this.#wallOffsetMs
  }

  start(): void {
    if (this.life !== undefined) return
    const { onEvent, onLog, onStart, plant } = this.#surroundings
    const { node, address, lan, host, datagrams } = this.machine
    const life = beginLife(this.#surroundings, this.name, ++this.#lives)
    life.process.wallOffsetMs = this.#wallOffsetMs
    life.process.onDeath(() => this.#connections.clear())
    this.#life = life
    this.#stopping = 'no'
    this.#stopAskedAt = Infinity
    onStart(this.name)
    const logger = createLogger((severity, event, fields) => {
      if (severity === 'error') onLog(this.name, `${event} ${JSON.stringify(fields)}`)
    })
    const { profile, bgpListenPort } = this.#choices
    const speaker = createSpeaker(
      {
        ...life,
        bgpTransport: guardedTransport({
          process: life.process,
          transport: host.transport,
          onConnection: connection => this.#connections.set(formatAddress(connection.remoteAddress), connection),
          ...(plant.bgp !== undefined && { sends: bytes => plant.bgp!(node, bytes) }),
        }),
        discovery: { watch: () => ({ stop: () => {} }) },
        logger,
        metrics: SILENT_METRICS,
        startLan: ({ events }) =>
          startSimLan(
            { life, events, logger, node, address, lan, datagrams, plant, witness: this.#witness },
            { profile },
          ),
      },
      {
        node,
        namespace: NAMESPACE,
        podName: '',
        loadBalancerClass: '',
        ignoreExcludeLabel: false,
        hasMembership: profile !== 'none',
        routerId: FALLBACK_ROUTER_ID,
        bgpListenPort,
      },
    )
    speaker.bus.subscribeAll(event => onEvent(this.name, event))
    this.#speaker = speaker
    life.process.enter(() => void speaker.start())
  }

  kill(): void {
    this.#stopping = 'no'
    this.#life?.process.kill()
  }

  /** SIGTERM; the process is gone when it has stopped, or when its time is over. */
  stop(): void {
    const life = this.life
    if (life === undefined || this.#stopping !== 'no') return
    this.#stopping = 'asked'
    this.#stopAskedAt = this.#surroundings.world.now()
    this.#surroundings.plant.onStop?.(this.machine.node)
    const speaker = this.#speaker!
    const end = (): void => {
      if (life.process.isAlive) this.#stopping = 'done'
      life.process.kill()
    }
    life.clock.setTimer(MOST_STOP_MS, end)
    life.process.enter(() => void speaker.stop('SIGTERM').then(end))
  }
}

/** As main.ts of the speaker has it. */
const MOST_STOP_MS = 8_000
