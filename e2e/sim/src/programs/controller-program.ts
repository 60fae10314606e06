import { createController, type Controller } from '@metallb-ts/controller/wire'
import { createLogger } from '@metallb-ts/runtime'
import { NAMESPACE } from '../objects.ts'
import { beginLife, type Life, type ProgramSurroundings } from './program.ts'
import { SILENT_METRICS } from './silent-metrics.ts'

/** A controller as its pod has it: killed, stopped and started again, always the same wiring. */
export class ControllerProgram {
  readonly name: string
  readonly #surroundings: ProgramSurroundings
  readonly #lease: string
  #lives = 0
  #life: Life | undefined
  #controller: Controller | undefined
  #isStopping = false

  constructor(surroundings: ProgramSurroundings, number: number, lease: string) {
    this.name = `controller-${number}`
    this.#surroundings = surroundings
    this.#lease = lease
  }

  get life(): Life | undefined {
    return this.#life?.process.isAlive === true ? this.#life : undefined
  }

  /** Who this life is among the candidates for the lease. */
  get identity(): string {
    return `${this.name}-${this.#lives}`
  }

  /** Why it does not work; one that does not run is in trouble. */
  get troubles(): readonly string[] {
    return this.life === undefined ? ['does not run'] : this.#controller!.troubles
  }

  start(): void {
    if (this.life !== undefined) return
    const { onEvent, onLog, onStart } = this.#surroundings
    const life = beginLife(this.#surroundings, this.name, ++this.#lives)
    this.#life = life
    this.#isStopping = false
    onStart(this.name)
    const controller = createController(
      {
        ...life,
        logger: createLogger((severity, event, fields) => {
          if (severity === 'error') onLog(this.name, `${event} ${JSON.stringify(fields)}`)
        }),
        metrics: SILENT_METRICS,
        onLeaseLost: () => life.process.kill(),
      },
      {
        namespace: NAMESPACE,
        podName: '',
        loadBalancerClass: '',
        memberSecretName: '',
        deployment: '',
        lease: this.#lease,
        identity: this.identity,
      },
    )
    controller.bus.subscribeAll(event => onEvent(this.name, event))
    this.#controller = controller
    life.process.enter(() => controller.start())
  }

  kill(): void {
    this.#life?.process.kill()
  }

  /** SIGTERM; the process is gone when it has stopped, or when its time is over. */
  stop(): void {
    const life = this.life
    if (life === undefined || this.#isStopping) return
    this.#isStopping = true
    const controller = this.#controller!
    life.clock.setTimer(MOST_STOP_MS, () => life.process.kill())
    life.process.enter(() => void controller.stop('SIGTERM').then(() => life.process.kill()))
  }
}

/** As main.ts of the controller has it. */
const MOST_STOP_MS = 8_000
