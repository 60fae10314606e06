import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, pause } from '../../src/index.ts'
import { quantile, rounded, type Row } from '../figures.ts'
import { BenchCluster, CHANGED } from './cluster.ts'
import { buildNetwork, removeNetwork, startRouter } from './network.ts'
import { RouterLog } from './router-log.ts'
import { SpeakerProcess, type SpeakerBuild } from './speaker-process.ts'

/** One number of Services, and what a speaker makes of them; each measurement is a row. */
export class Scene {
  readonly cluster: BenchCluster
  readonly #services: number
  readonly #build: SpeakerBuild
  readonly #space: string
  readonly #folder: string
  readonly #router: ChildProcess
  readonly #log: RouterLog
  #speaker: SpeakerProcess | undefined

  static async build(binaries: string, speaker: SpeakerBuild, services: number): Promise<Scene> {
    const space = `mtsb${process.pid}`
    const folder = mkdtempSync(join(tmpdir(), 'speaker-bench-'))
    buildNetwork(space)
    const router = startRouter(space, folder)
    const cluster = await BenchCluster.start(space, binaries, folder)
    await cluster.prepare(services)
    return new Scene(cluster, {
      services,
      build: speaker,
      space,
      folder,
      router: router.process,
      log: new RouterLog(router.log),
    })
  }

  private constructor(
    cluster: BenchCluster,
    one: {
      services: number
      build: SpeakerBuild
      space: string
      folder: string
      router: ChildProcess
      log: RouterLog
    },
  ) {
    this.cluster = cluster
    this.#services = one.services
    this.#build = one.build
    this.#space = one.space
    this.#folder = one.folder
    this.#router = one.router
    this.#log = one.log
  }

  async fromStart(): Promise<Row> {
    const before = await this.cluster.writes()
    const { from, lastMs } = await this.#start()
    await eventually('ready', () => this.#running.isReady)
    const readyMs = Date.now() - from
    const writes = (await this.cluster.writesAtRest()) - before
    return {
      what: 'from the start of the process',
      services: this.#services,
      'last route ms': lastMs,
      'ready ms': readyMs,
      'API writes': writes,
      'longest turn ms': rounded(await this.#running.longestTurn()),
    }
  }

  /** Once the work that a start ends with is over, too: what is out of date was looked for, and memory was given back. */
  async atRest(): Promise<Row> {
    await pause(SETTLED_MS)
    const before = await this.cluster.writes()
    const { cpuMs } = this.#running.footprint()
    await pause(REST_MS)
    const after = this.#running.footprint()
    return {
      what: 'at rest',
      services: this.#services,
      'CPU %': rounded(((after.cpuMs - cpuMs) / REST_MS) * 100),
      'API writes': (await this.cluster.writes()) - before,
      'RSS MB': after.rssMb,
      'peak RSS MB': after.peakRssMb,
    }
  }

  /** One Service gets its address, loses its endpoints, gets them back and loses the address, again and again. */
  async changes(times: number, beside: string): Promise<Row> {
    const shown: number[] = []
    const gone: number[] = []
    this.#running.watchTurns()
    for (let i = 0; i < times; i++) {
      await this.cluster.setAddress(CHANGED, ADDRESS)
      shown.push(await this.#heard(false))
      await pause(BETWEEN_MS)
      await this.cluster.setEndpoints(CHANGED, [])
      gone.push(await this.#heard(true))
      await this.cluster.setAddress(CHANGED, undefined)
      await this.cluster.setEndpoints(CHANGED, ['n1', 'n2'])
      await pause(BETWEEN_MS)
    }
    return {
      what: 'one change at a time',
      services: this.#services,
      beside,
      'status to route p50 ms': rounded(quantile(shown, 0.5)),
      'status to route p99 ms': rounded(quantile(shown, 0.99)),
      'endpoints gone to withdrawal p50 ms': rounded(quantile(gone, 0.5)),
      'endpoints gone to withdrawal p99 ms': rounded(quantile(gone, 0.99)),
      'longest turn ms': rounded(await this.#running.longestTurn()),
    }
  }

  async restart(): Promise<Row> {
    await this.cluster.writesAtRest()
    const stopping = Date.now()
    await this.#running.stop('SIGTERM')
    const stopMs = Date.now() - stopping
    const before = await this.cluster.writes()
    const { lastMs } = await this.#start()
    await pause(SETTLED_MS)
    return {
      what: 'restart with nothing changed',
      services: this.#services,
      'stop ms': stopMs,
      'last route ms': lastMs,
      'API writes': (await this.cluster.writesAtRest()) - before,
      'RSS MB': this.#running.footprint().rssMb,
      'longest turn ms': rounded(await this.#running.longestTurn()),
    }
  }

  async remove(): Promise<void> {
    await this.#speaker?.stop('SIGKILL')
    await this.cluster.stop()
    this.#router.kill('SIGKILL')
    this.#log.close()
    removeNetwork(this.#space)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  get #running(): SpeakerProcess {
    return this.#speaker!
  }

  /** With the milliseconds until the router has the last route; `-` where there is none. */
  async #start(): Promise<{ readonly from: number; readonly lastMs: number | string }> {
    this.#log.forget()
    const from = Date.now()
    this.#speaker = new SpeakerProcess(this.#space, { ...this.#build, ...this.cluster.account })
    if (this.#services === 0) return { from, lastMs: '-' }
    await eventually('every route', () => this.#log.announced().count >= this.#services, ROUTES_LIMIT_MS)
    return { from, lastMs: Math.round(this.#log.announced().last - from) }
  }

  /** Milliseconds from the answer to the last write to the router's stamp. */
  async #heard(isWithdrawn: boolean): Promise<number> {
    const answered = performance.timeOrigin + performance.now()
    const what = `${ADDRESS}, ${isWithdrawn ? 'withdrawn' : 'announced'}`
    const stamp = await eventually(what, () => this.#log.stamp(`${ADDRESS}/32`, isWithdrawn))
    this.#log.forget()
    return stamp - answered
  }
}

const ADDRESS = '10.79.255.1'
const REST_MS = 30_000
const BETWEEN_MS = 30
const SETTLED_MS = 12_000
const ROUTES_LIMIT_MS = 120_000
