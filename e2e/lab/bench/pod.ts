import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_FLAG } from '@metallb-ts/tools/images/node-flag'
import { runTool } from '@metallb-ts/tools/run'
import { SYSTEM, type Account } from '../src/index.ts'

export type Program = 'controller' | 'speaker'

export interface PodInit extends Account {
  readonly flags?: readonly string[]
  /** Network namespace to run in. @default this process's */
  readonly space?: string
  /** Loaded before the program. */
  readonly preload?: string
  /** Folder of what Node has compiled before, which images bring with them. @default none */
  readonly compiled?: string
  /** More of it. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdio?: StdioOptions
}

/** Makes the bundle that is measured, from the sources. */
export async function buildProgram(program: Program): Promise<void> {
  const build = await runTool('tsup', [], { cwd: folderOf(program) })
  if (build.code !== 0) throw new Error(build.output)
}

/**
 * A program's bundle as a pod sees it: the service account's files where it looks for them, in a mount namespace of its
 * own, and Node's flag as the image gives it. `NODE_FLAGS` in the environment shows what others would change.
 */
export function startPod(program: Program, init: PodInit): ChildProcess {
  const {
    server,
    caFile,
    token,
    flags = [],
    space,
    preload,
    compiled,
    env,
    stdio = ['ignore', 'ignore', 'inherit'],
  } = init
  const { hostname, port } = new URL(server)
  const nodeFlags = (process.env['NODE_FLAGS'] ?? NODE_FLAG).split(' ').filter(flag => flag !== '')
  const node = [process.execPath, ...nodeFlags, ...(preload === undefined ? [] : ['--import', preload])]
  const command = ['unshare', '-m', 'sh', '-c', AS_POD, ...node, mainOf(program), ...COMMON, ...flags]
  const [first = '', ...rest] = space === undefined ? command : ['ip', 'netns', 'exec', space, ...command]
  const account = { TOKEN: token, CA: caFile, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
  const cache = compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }
  return spawn(first, rest, { stdio, env: { ...process.env, ...account, ...cache, ...env } })
}

/** Lets Node compile a program once, as the building of its image does. */
export function warmUp(program: Program, compiled: string): void {
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled }
  const { status } = spawnSync(process.execPath, [mainOf(program), '--help'], { env, stdio: 'ignore' })
  if (status !== 0) throw new Error(`the ${program} does not tell its options`)
}

export interface Footprint {
  readonly rssMb: number
  readonly peakRssMb: number
  /** Of all its threads so far. */
  readonly cpuMs: number
}

export function footprint({ pid }: ChildProcess): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (field: string): number => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return { rssMb: mib('VmRSS'), peakRssMb: mib('VmHWM'), cpuMs: (Number(stat[11]) + Number(stat[12])) * 10 }
}

export async function stopped(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await exit
}

const COMMON = [`--namespace=${SYSTEM}`, '--log-level=warn']

const AS_POD = `
mount -t tmpfs tmpfs /run
account=/run/secrets/kubernetes.io/serviceaccount
mkdir -p $account
printf %s "$TOKEN" > $account/token
printf default > $account/namespace
cp "$CA" $account/ca.crt
exec "$0" "$@"
`

function folderOf(program: Program): string {
  return fileURLToPath(new URL(`../../../apps/${program}`, import.meta.url))
}

function mainOf(program: Program): string {
  return join(folderOf(program), 'dist', 'main.js')
}
