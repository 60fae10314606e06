import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

export interface Finished {
  readonly code: number
  readonly output: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Then it is killed with everything it started, and has failed. @default 25 minutes */
  readonly timeoutMs?: number
}

/** Runs a program of this repository to its end, with the Node that npm brought first on the path. */
export function runTool(
  program: string,
  args: readonly string[],
  { env = {}, cwd = ROOT, timeoutMs = LONGEST_RUN_MS }: RunOptions = {},
): Promise<Finished> {
  return new Promise(resolve => {
    const child = spawn(program, [...args], {
      cwd,
      detached: true, // a group of its own, so that all of it can be ended
      env: {
        ...process.env,
        PATH: `${ROOT}node_modules/.bin:${process.env['PATH'] ?? ''}`,
        FORCE_COLOR: '0',
        NO_COLOR: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const end = (): void => signalGroup(child.pid, 'SIGTERM')
    const timer = setTimeout(() => {
      output += `\n${program} did not end within ${timeoutMs / 60_000} minutes\n`
      end()
      setTimeout(() => signalGroup(child.pid, 'SIGKILL'), PATIENCE_MS).unref()
    }, timeoutMs)
    process.once('exit', end)
    const finished = (code: number): void => {
      clearTimeout(timer)
      process.off('exit', end)
      resolve({ code, output })
    }
    child.on('error', error => {
      output += String(error)
      finished(127)
    })
    child.on('close', code => finished(code ?? 1))
  })
}

/** For programs that run tools: a signal ends them the orderly way, and what they started with them. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
}

const LONGEST_RUN_MS = 25 * 60_000
const PATIENCE_MS = 10_000 // for tidying up

function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It is gone already.
  }
}
