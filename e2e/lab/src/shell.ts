import { execFile, spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Runs a program and answers with what it printed; rejects with its complaint. */
export async function run(
  program: string,
  args: readonly string[],
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): Promise<string> {
  const { stdout } = await execute(program, [...args], { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

/** Several lines of `ip` at once, in a namespace when one is named. */
export function ipBatch(lines: readonly string[], namespace?: string): void {
  const args = [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-']
  const result = spawnSync('ip', args, { input: `${lines.join('\n')}\n`, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr.trim()}`)
}

/** Runs a program to its end without waiting for anything else; for clean-up, where failing is no news. */
export function runQuietly(program: string, args: readonly string[]): void {
  spawnSync(program, args, { stdio: 'ignore' })
}

export function inNamespace(namespace: string, program: string, args: readonly string[]): [string, string[]] {
  return ['ip', ['netns', 'exec', namespace, program, ...args]]
}

export function start(
  namespace: string,
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string>; stdio?: StdioOptions } = {},
): ChildProcess {
  const [command, all] = inNamespace(namespace, program, args)
  return spawn(command, all, { stdio: options.stdio ?? 'ignore', env: { ...process.env, ...options.env } })
}
