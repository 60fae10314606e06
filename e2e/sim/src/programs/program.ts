import type { KubeRequest, KubeTransport } from '@metallb-ts/k8s-watch'
import type { Clock, Random } from '@metallb-ts/runtime'
import { ApiLink, type ApiFault } from '../api/api-link.ts'
import type { SimApi } from '../api/sim-api.ts'
import type { Plant } from '../plant.ts'
import { SimProcess } from '../process.ts'
import type { World } from '../world.ts'

/** What programs are run in, and who hears of what they do. */
export interface ProgramSurroundings {
  readonly world: World
  readonly api: SimApi
  readonly seed: number
  readonly apiLatencyMs: readonly [number, number]
  readonly plant: Plant
  /** What goes wrong with a request. */
  readonly fault: (program: string, request: KubeRequest) => ApiFault | undefined
  readonly onRequest: (program: string, request: KubeRequest) => void
  readonly onHeard: (program: string, request: KubeRequest, text: string) => void
  /** An event on the bus of a program. */
  readonly onEvent: (
    program: string,
    event: { readonly name: string; readonly at: number; readonly detail: unknown },
  ) => void
  readonly onLog: (program: string, line: string) => void
  /** A life begins. */
  readonly onStart: (program: string) => void
}

/** One life of a program: its process, and its way to the API server. */
export interface Life {
  readonly process: SimProcess
  readonly link: ApiLink
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
}

/** @param life counted from 1; every life has its own chance */
export function beginLife(
  { world, api, seed, apiLatencyMs, plant, fault, onRequest, onHeard }: ProgramSurroundings,
  program: string,
  life: number,
): Life {
  const process = new SimProcess(world, program, hash(`${seed} ${program} ${life}`))
  const link = new ApiLink({
    process,
    api,
    latencyMs: apiLatencyMs,
    fault: request => fault(program, request),
    onRequest: request => onRequest(program, request),
    onHeard: (request, text) => onHeard(program, request, text),
  })
  return {
    process,
    link,
    transport: plant.transport?.(program, link) ?? link,
    clock: plant.clock?.(program, process.clock) ?? process.clock,
    random: plant.random?.(program, process.random) ?? process.random,
  }
}

/** FNV-1a: another seed for every name. */
export function hash(text: string): number {
  let value = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193) >>> 0
  return value
}
