import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

export interface Finished {
  readonly code: number
  readonly output: string
}

/** Runs a program of this repository to its end, with the Node that npm brought first on the path. */
export function runTool(
  program: string,
  args: readonly string[],
  { quiet = true, env = {}, cwd = ROOT }: { quiet?: boolean; env?: Record<string, string>; cwd?: string } = {},
): Promise<Finished> {
  return new Promise(resolve => {
    const child = spawn(program, [...args], {
      cwd,
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
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (!quiet) process.stdout.write(chunk)
      })
    }
    child.on('error', error => resolve({ code: 127, output: String(error) }))
    child.on('close', code => resolve({ code: code ?? 1, output }))
  })
}
