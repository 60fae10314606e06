import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The programs of a real control plane, as Go modules name them. */
const PROGRAMS = {
  'kube-apiserver': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  kubectl: { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kubectl' },
  'kube-proxy': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-proxy' },
  etcd: { module: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
  helm: { module: 'helm', package: 'helm.sh/helm/v3/cmd/helm' },
} as const

export type Program = keyof typeof PROGRAMS

/** What the tests of this repository start; helm is built when something asks for it. */
export const CONTROL_PLANE: readonly Program[] = [
  'kube-apiserver',
  'kube-controller-manager',
  'kubectl',
  'kube-proxy',
  'etcd',
]

export type Binaries = { readonly ok: true; readonly folder: string } | { readonly ok: false; readonly reason: string }

/** Where the programs are: KUBEBUILDER_ASSETS, else the user's cache, by version. Says why when they are not there. */
export function findBinaries(programs: readonly Program[] = CONTROL_PLANE): Binaries {
  const given = process.env['KUBEBUILDER_ASSETS']
  const folder = given ?? cacheFolder()
  const missing = programs.filter(program => !existsSync(join(folder, program)))
  if (missing.length === 0) return { ok: true, folder }
  const how = given === undefined ? 'run `make control-plane`' : 'KUBEBUILDER_ASSETS has to hold them'
  return { ok: false, reason: `no ${missing.join(', ')}: ${how}` }
}

/** Builds what is missing with Go, each program beside its place and moved there when whole. */
export function buildBinaries(
  programs: readonly Program[] = CONTROL_PLANE,
  say: (line: string) => void = () => {},
): Binaries {
  const found = findBinaries(programs)
  if (found.ok || process.env['KUBEBUILDER_ASSETS'] !== undefined) return found
  if (spawnSync('go', ['version']).status !== 0)
    return { ok: false, reason: 'the control plane needs Go to be built, and there is none' }
  const folder = cacheFolder()
  mkdirSync(folder, { recursive: true })
  for (const program of programs) {
    if (existsSync(join(folder, program))) continue
    say(`building ${program}, minutes on a new machine`)
    const part = join(folder, `.${program}.part`)
    const built = build(program, part)
    if (!built.ok) return built
    renameSync(part, join(folder, program))
  }
  return { ok: true, folder }
}

function build(program: Program, to: string): Binaries {
  const { module, package: path } = PROGRAMS[program]
  const built = spawnSync('go', ['build', '-ldflags', linkerFlags(), '-o', to, path], {
    cwd: moduleFolder(module),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-trimpath', GOTOOLCHAIN: 'local' },
    encoding: 'utf8',
  })
  if (built.status === 0) return { ok: true, folder: to }
  return { ok: false, reason: `go build ${path}: ${built.stderr.trim().split('\n').slice(-3).join(' ')}` }
}

/** Without the stamp the server calls itself v0.0.0, and clients that read a version stumble. */
export function linkerFlags(version: string = kubernetesVersion()): string {
  const stamp = { gitVersion: `v${version}`, gitMajor: '1', gitMinor: version.split('.')[1]!, gitTreeState: 'clean' }
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap(path =>
    Object.entries({ ...stamp, buildDate: '1970-01-01T00:00:00Z' }).map(
      ([name, value]) => `-X ${path}.${name}=${value}`,
    ),
  )
  return ['-s', '-w', ...flags].join(' ')
}

function kubernetesVersion(): string {
  const mod = readFileSync(join(moduleFolder('kubernetes'), 'go.mod'), 'utf8')
  return /^require k8s\.io\/kubernetes v(\S+)$/m.exec(mod)![1]!
}

/** Of a release's programs. */
export function cacheFolder(version: string = kubernetesVersion()): string {
  const root = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(root, 'metallb-ts', 'envtest', version)
}

function moduleFolder(name: string): string {
  return fileURLToPath(new URL(`modules/${name}`, import.meta.url))
}

/** A program's answer to `--version`, for reports. */
export function versionOf(folder: string, program: Program): string {
  return execFileSync(join(folder, program), ['--version'], { encoding: 'utf8' }).split('\n')[0]!.trim()
}
