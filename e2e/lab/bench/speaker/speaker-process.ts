import { spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildProgram, footprint, startPod, stopped, warmUp, type Footprint, type PodInit } from '../pod.ts'

const HEALTH_PORT = 17_472

/** Makes the bundle that is measured, and what it is loaded with, in this folder. */
export async function buildSpeaker(folder: string): Promise<SpeakerBuild> {
  await buildProgram('speaker')
  const turns = join(folder, 'turns.mjs') // as JavaScript: what Node needs to read the other would count
  const source = readFileSync(fileURLToPath(new URL('turns.ts', import.meta.url)), 'utf8')
  writeFileSync(turns, stripTypeScriptTypes(source))
  const compiled = join(folder, 'compiled')
  warmUp('speaker', compiled)
  return { preload: pathToFileURL(turns).href, compiled }
}

export type SpeakerBuild = Required<Pick<PodInit, 'preload' | 'compiled'>>

/** The speaker of the node n1, as a process of its own. */
export class SpeakerProcess {
  readonly #space: string
  readonly #child: ChildProcess

  constructor(space: string, init: SpeakerBuild & Pick<PodInit, 'server' | 'caFile' | 'token'>) {
    this.#space = space
    this.#child = startPod('speaker', {
      ...init,
      space,
      flags: ['--node-name=n1', `--health-probe-port=${HEALTH_PORT}`, '--metrics-plain-http'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  }

  get isReady(): boolean {
    const curl = ['netns', 'exec', this.#space, 'curl', '-s', '--noproxy', '*', '-m', '5', '-w', '%{http_code}']
    const url = `http://127.0.0.1:${HEALTH_PORT}/readyz`
    return spawnSync('ip', [...curl, '-o', '/dev/null', url], { encoding: 'utf8' }).stdout === '200'
  }

  footprint(): Footprint {
    return footprint(this.#child)
  }

  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return stopped(this.#child, signal)
  }

  /** It is watched from its first connection on; this begins anew. */
  watchTurns(): void {
    this.#child.send('watch')
  }

  /** Milliseconds of processor time of the longest turn since it is watched; ends the watch. */
  async longestTurn(): Promise<number> {
    const told = once(this.#child, 'message')
    this.#child.send('tell')
    const [ms] = (await told) as [number]
    return ms
  }
}
