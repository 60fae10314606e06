import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Programs that the demo runs and this machine does not have. */
export function missingPrograms(): readonly string[] {
  const programs = ['ip', 'nft', 'curl', 'arping', 'ndisc6', 'sysctl']
  return programs.filter(program => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
}

/**
 * Without root everything runs once more in a user namespace of its own, where the kernel allows that. Answers with the
 * exit code of that run, or undefined when this process can go on as it is.
 */
export function rerunUnprivileged(): number | undefined {
  if (process.getuid?.() === 0) return undefined
  const probe = spawnSync('unshare', ['-Urnm', '--map-root-user', 'true'])
  if (probe.status !== 0) {
    console.error('no root, and the kernel allows no user namespaces: the demo cannot build its network')
    return 1
  }
  const inner = 'mount -t tmpfs tmpfs /run && exec "$0" "$@"'
  const result = spawnSync(
    'unshare',
    ['-Urnm', '--map-root-user', 'sh', '-c', inner, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, LAB_UNPRIVILEGED: '1' },
    },
  )
  return result.status ?? 1
}

/** Routers that can run here. FRR changes to its own user, which a user namespace of one user does not have. */
export function usableRouters(): { readonly routers: readonly ('frr' | 'bird')[]; readonly left: readonly string[] } {
  const left: string[] = []
  const routers: ('frr' | 'bird')[] = []
  if (process.env['LAB_UNPRIVILEGED'] === '1') left.push('FRR needs root')
  else if (existsSync('/usr/lib/frr/bgpd')) routers.push('frr')
  else left.push('FRR is not installed')
  if (existsSync('/usr/sbin/bird')) routers.push('bird')
  else left.push('BIRD is not installed')
  return { routers, left }
}
