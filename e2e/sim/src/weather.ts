import { formatAddress } from '@metallb-ts/netip'
import type { KubeRequest } from '@metallb-ts/k8s-watch'
import type { ApiFault } from './api/api-link.ts'
import type { Cluster } from './cluster.ts'
import { Dice } from './dice.ts'
import { badUpdate } from './network/bad-update.ts'
import type { Router } from './network/router.ts'
import type { ControllerProgram } from './programs/controller-program.ts'
import { SpeakerProgram } from './programs/speaker-program.ts'

type Program = ControllerProgram | SpeakerProgram

/** Everything that goes wrong, and what puts it right again. */
export class Weather {
  readonly #cluster: Cluster
  readonly dice: Dice
  #requestFaults: { readonly program: string; readonly isWrite: boolean; left: number; readonly fault: ApiFault }[] = []
  readonly #off = new Set<string>()
  readonly #left = new Set<string>()
  readonly #startsAt = new Map<string, number>()
  /** When something last stood between two: `node router`. */
  readonly #disturbedAt = new Map<string, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.dice = new Dice(cluster.scenario.seed * 32_452_843 + 4)
    cluster.world.clock.setTimer(LOOK_AGAIN_MS, () => this.#supervise())
  }

  /** One thing goes wrong; returns what it was. */
  strike(): string {
    const [name, act] = this.dice.pick(this.#strikes())
    act()
    return name
  }

  /** The sky clears: nothing stands between anybody, and whatever was stopped is started. */
  calm(): void {
    const { network, datagrams, speakers, routers, programs, lan } = this.#cluster
    this.#requestFaults = []
    datagrams.heal()
    for (const speaker of speakers) {
      this.#powerOn(speaker)
      speaker.machine.lan.setWire(true, true)
      network.stall(speaker.machine.host, false)
      for (const router of routers) {
        network.heal(speaker.machine.host, router.host)
        network.stall(router.host, false)
      }
    }
    for (const { life } of programs) life?.link.set('up')
    lan.client.heard.length = 0
  }

  fault(program: string, { method }: KubeRequest): ApiFault | undefined {
    const isWrite = method !== 'GET'
    const rule = this.#requestFaults.find(one => one.left > 0 && one.program === program && one.isWrite === isWrite)
    if (rule === undefined) return undefined
    rule.left--
    return rule.fault
  }

  /** The clock's milliseconds at which something last stood between a node and a router. */
  disturbedAt(node: string, router: string): number {
    return this.#disturbedAt.get(`${node} ${router}`) ?? -Infinity
  }

  /** A restart that somebody asked for: stopped in good order, or killed. */
  restart(program: Program, isKilled: boolean): void {
    this.#startsAt.set(program.name, this.#cluster.world.now() + this.dice.between(10, 3_000))
    if (isKilled) program.kill()
    else program.stop()
  }

  /** It stops, and is not started again. */
  leave(speaker: SpeakerProgram): void {
    this.#left.add(speaker.name)
    speaker.stop()
  }

  #strikes(): readonly (readonly [string, () => void])[] {
    const dice = this.dice
    const { api, world, datagrams, network } = this.#cluster
    const program = dice.pick(this.#cluster.programs)
    const speaker = dice.pick(this.#cluster.speakers)
    const other = dice.pick(this.#cluster.speakers)
    const router = dice.pick(this.#cluster.routers)
    const ms = dice.pick([50, 500, 5_000, 20_000, 60_000])
    const later = (act: () => void): void => void world.clock.setTimer(ms, act)
    const links = dice.chance(0.5) ? this.#cluster.programs : [program]
    return [
      ['the API server restarts', () => api.cutWatches()],
      ['the API server forgets its history', () => api.core.store.compact()],
      [
        'the API server forgets its history, and restarts',
        () => {
          api.core.store.compact()
          api.cutWatches()
        },
      ],
      [
        'the API server is away',
        () => {
          const state = dice.pick(['refused', 'silent'] as const)
          if (state === 'refused') api.cutWatches()
          for (const { life } of links) life?.link.set(state)
          later(() => links.forEach(({ life }) => life?.link.set('up')))
        },
      ],
      ['requests fail', () => this.#failRequests(program)],
      ['requests fail', () => this.#failRequests(program)],
      ['a process is killed', () => this.restart(program, true)],
      ['a process is restarted', () => this.restart(program, false)],
      ['a main thread stalls', () => this.#hold(program, () => program.life?.process.stall(Math.min(ms, 20_000)))],
      ['a process stands still', () => this.#hold(program, () => program.life?.process.freeze(Math.min(ms, 20_000)))],
      [
        'a path to a router is cut',
        () => {
          this.#disturb(speaker, router)
          network.cut(speaker.machine.host, router.host)
          later(() => {
            if (!this.#off.has(speaker.name)) network.heal(speaker.machine.host, router.host)
          })
        },
      ],
      [
        'connections to a router break',
        () => {
          this.#disturb(speaker, router)
          network.reset(speaker.machine.host, router.host)
        },
      ],
      [
        'somebody stops reading',
        () => {
          const host = dice.pick([speaker.machine.host, router.host])
          this.#disturbAll(speaker, router)
          network.stall(host, true)
          later(() => network.stall(host, false))
        },
      ],
      [
        'a router restarts',
        () => {
          for (const one of this.#cluster.speakers) this.#disturb(one, router)
          for (const one of this.#cluster.speakers) network.reset(one.machine.host, router.host)
          router.restart()
        },
      ],
      [
        'a session is cleared',
        () => {
          this.#disturb(speaker, router)
          router.clear(speaker.machine.node)
        },
      ],
      ['a bad UPDATE comes', () => this.#sendBadUpdate(speaker, router)],
      ['a bad UPDATE comes', () => this.#sendBadUpdate(speaker, router)],
      [
        'heartbeats are lost',
        () => {
          datagrams.cut(speaker.machine.address, other.machine.address)
          if (dice.chance(0.6)) datagrams.cut(other.machine.address, speaker.machine.address)
          later(() => datagrams.heal())
        },
      ],
      [
        'the cluster falls apart',
        () => {
          for (const one of this.#cluster.speakers) {
            if (one === speaker) continue
            datagrams.cut(speaker.machine.address, one.machine.address)
            datagrams.cut(one.machine.address, speaker.machine.address)
          }
          later(() => datagrams.heal())
        },
      ],
      [
        'a wire is pulled',
        () => {
          speaker.machine.lan.setWire(false, dice.chance(0.5))
          later(() => speaker.machine.lan.setWire(true, true))
        },
      ],
      [
        'a node loses power',
        () => {
          this.#powerOff(speaker)
          later(() => this.#powerOn(speaker))
        },
      ],
      ['a calendar is set', () => speaker.stepWallClock(dice.pick([-3_600_000, -5_000, 5_000, 86_400_000]))],
    ]
  }

  #failRequests(program: Program): void {
    const dice = this.dice
    const faults: readonly ApiFault[] = [
      { type: 'status', code: 500 },
      { type: 'status', code: 429, retryAfterSeconds: 2 },
      { type: 'status', code: 409, reason: 'Conflict' },
      { type: 'status', code: 503 },
      { type: 'reset' },
      { type: 'lose-answer' },
      { type: 'lose-answer' },
      { type: 'die', when: 'before' },
      { type: 'die', when: 'after' },
    ]
    const fault = dice.pick(faults)
    const isWrite = fault.type === 'die' || fault.type === 'lose-answer' || dice.chance(0.7)
    const left = fault.type === 'die' ? 1 : 1 + dice.below(4)
    this.#requestFaults.push({ program: program.name, isWrite, left, fault })
  }

  #hold(program: Program, act: () => void): void {
    if (program instanceof SpeakerProgram) for (const router of this.#cluster.routers) this.#disturb(program, router)
    act()
  }

  #powerOff(speaker: SpeakerProgram): void {
    const { network, datagrams, routers } = this.#cluster
    this.#off.add(speaker.name)
    speaker.machine.lan.setWire(false, true)
    for (const router of routers) {
      this.#disturb(speaker, router)
      network.cut(speaker.machine.host, router.host)
    }
    datagrams.attach(speaker.machine.address, () => {})
    speaker.kill()
  }

  #powerOn(speaker: SpeakerProgram): void {
    if (!this.#off.delete(speaker.name)) return
    speaker.machine.lan.setWire(true, true)
    for (const router of this.#cluster.routers) {
      this.#cluster.network.heal(speaker.machine.host, router.host)
      this.#cluster.network.reset(speaker.machine.host, router.host)
    }
  }

  #sendBadUpdate(speaker: SpeakerProgram, router: Router): void {
    const bytes = badUpdate(this.dice, formatAddress(speaker.machine.address))
    if (this.dice.chance(0.5)) router.inject(speaker.machine.node, bytes)
    else speaker.inject(formatAddress(router.init.address), bytes)
  }

  #disturb(speaker: SpeakerProgram, router: Router): void {
    this.#disturbedAt.set(`${speaker.machine.node} ${router.name}`, this.#cluster.world.now())
  }

  #disturbAll(speaker: SpeakerProgram, router: Router): void {
    for (const one of this.#cluster.routers) this.#disturb(speaker, one)
    for (const one of this.#cluster.speakers) this.#disturb(one, router)
  }

  /** As the kubelet: what has died is started again. */
  #supervise(): void {
    const { world, programs } = this.#cluster
    for (const program of programs) {
      if (program.life !== undefined || this.#off.has(program.name) || this.#left.has(program.name)) continue
      const at = this.#startsAt.get(program.name)
      if (at === undefined) this.#startsAt.set(program.name, world.now() + this.dice.between(100, 3_000))
      else if (world.now() >= at) {
        this.#startsAt.delete(program.name)
        program.start()
      }
    }
    world.clock.setTimer(LOOK_AGAIN_MS, () => this.#supervise())
  }
}

const LOOK_AGAIN_MS = 250
