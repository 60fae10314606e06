import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, findBinaries, linkerFlags, type Binaries } from '../envtest/binaries.ts'

/** Of a release itself; what it is tried with is the same for all. */
const BUILT = ['kube-apiserver', 'kube-controller-manager', 'kube-proxy'] as const
const COMMON = ['etcd', 'kubectl', 'helm'] as const

/**
 * Builds the programs of a release of Kubernetes from its modules, into the user's cache.
 * @param release such as 1.29.6
 */
export function buildRelease(release: string, say: (line: string) => void): Binaries {
  const common = findBinaries(COMMON)
  if (!common.ok) return common
  const folder = cacheFolder(release)
  mkdirSync(folder, { recursive: true })
  for (const name of COMMON)
    if (!existsSync(join(folder, name))) symlinkSync(join(common.folder, name), join(folder, name))
  const missing = BUILT.filter(name => !existsSync(join(folder, name)))
  if (missing.length === 0) return { ok: true, folder }
  const module = writeModule(release, join(folder, 'module'))
  if (!module.ok) return module
  for (const name of missing) {
    say(`building ${name} ${release}`)
    const part = join(folder, `.${name}.part`)
    const flags = ['-mod=mod', '-ldflags', linkerFlags(release), '-o', part]
    const built = go(module.folder, 'build', ...flags, `k8s.io/kubernetes/cmd/${name}`)
    if (!built.ok) return built
    renameSync(part, join(folder, name))
  }
  return { ok: true, folder }
}

/** A main module that redirects Kubernetes' own modules, which it names by no version, to those of the release. */
function writeModule(release: string, folder: string): Binaries {
  mkdirSync(folder, { recursive: true })
  if (existsSync(join(folder, 'go.mod'))) return { ok: true, folder }
  const answer = go(folder, 'mod', 'download', '-json', `k8s.io/kubernetes@v${release}`)
  if (!answer.ok) return answer
  const { GoMod } = JSON.parse(answer.output) as { GoMod: string }
  const staged = [...readFileSync(GoMod, 'utf8').matchAll(/^\s*(?:require )?(k8s\.io\/\S+) v0\.0\.0(?: .*)?$/gm)]
  const version = `v0.${release.split('.').slice(1).join('.')}`
  const replaced = [...new Set(staged.map(([, name]) => name!))].map(name => `\t${name} => ${name} ${version}\n`)
  const text = `module compat.local/kubernetes\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v${release}\n\nreplace (\n${replaced.join('')})\n`
  writeFileSync(join(folder, 'go.mod'), text)
  const imports = BUILT.map(name => `import _ "k8s.io/kubernetes/cmd/${name}"\n`).join('')
  writeFileSync(join(folder, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports}`)
  return { ok: true, folder }
}

function go(
  cwd: string,
  ...args: readonly string[]
):
  | { readonly ok: true; readonly folder: string; readonly output: string }
  | { readonly ok: false; readonly reason: string } {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: goFlags(), GOTOOLCHAIN: 'local' }
  const { status, stdout, stderr } = spawnSync('nice', ['go', ...args], { cwd, env, encoding: 'utf8' })
  if (status === 0) return { ok: true, folder: cwd, output: stdout }
  return { ok: false, reason: `go ${args[0]}: ${why(String(stderr))}` }
}

/** Its last words, without addresses and folders, which are of one machine. */
function why(stderr: string): string {
  const last = stderr.trim().split('\n').slice(-2).join(' ')
  return last
    .replaceAll(/(?<=^|\s)(https?:)?\/\S+/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** With those of whoever runs it: `-p=1` leaves a machine for other work. */
function goFlags(): string {
  return ['-trimpath', process.env['GOFLAGS'] ?? ''].join(' ').trim()
}
