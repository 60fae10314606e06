// Builds the images with buildah, says how large they are, and leaves in .cache/images their root file systems, for tests,
// and their SBOMs. BUILD_BASE, BASE: other images to build in and to stand on; TAG: other than the chart's appVersion.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { CHART } from '../chart/helm.ts'
import { exitOnSignals, ROOT, runTool } from '../run.ts'
import { IMAGES, PROGRAMS } from './places.ts'
import { sbomOf } from './sbom.ts'

exitOnSignals()

const LINES_OF_FAILURE = 40
/** On a machine that is busy with other things, a base of Debian packages alone takes half of it. */
const LONGEST_STEP_MS = 60 * 60_000

const { appVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { appVersion: string }
const tag = process.env['TAG'] ?? appVersion
const named = (name: string): string => `localhost/metallb-ts/${name}:${tag}`

const buildBase = process.env['BUILD_BASE'] ?? (await localBase())
const base = process.env['BASE'] ?? (await build('libraries', {}))
for (const program of PROGRAMS) {
  const image = await build(program, { BASE: base })
  const layers = await layersOf(image, program)
  const root = await unpack(image, program)
  const sbom = sbomOf(program, tag, root)
  writeFileSync(join(IMAGES, `${program}.cdx.json`), `${JSON.stringify(sbom, undefined, 2)}\n`)
  const sum = layers.reduce((total, size) => total + size, 0)
  console.log(`${image}: ${megabytes(sum)} MB compressed, in layers of ${layers.map(megabytes).join(', ')}`)
}

/** @returns the image's name */
async function build(target: string, more: Readonly<Record<string, string>>): Promise<string> {
  console.log(`building ${target}`)
  const args = Object.entries({ BUILD_BASE: buildBase, VERSION: tag, ...more })
  const cache = (await must('npm', ['config', 'get', 'cache'])).trim()
  mkdirSync(cache, { recursive: true })
  await must('buildah', [
    'build',
    '--layers',
    '--isolation=chroot',
    '--network=host',
    `--volume=${cache}:/var/cache/npm:rw`,
    '--file=images/Containerfile',
    '--ignorefile=images/Containerfile.dockerignore',
    `--target=${target}`,
    `--tag=${named(target)}`,
    ...args.map(([name, value]) => `--build-arg=${name}=${value}`),
    '.',
  ])
  return named(target)
}

async function localBase(): Promise<string> {
  const image = named('build-base')
  const { code } = await runTool('buildah', ['inspect', '--type=image', image])
  if (code === 0) return image
  console.log('building a base of Debian packages')
  await must('tools/images/local-base.sh', [image])
  return image
}

/** What a node has to load, in bytes: the layers as a registry gets them. */
async function layersOf(image: string, program: string): Promise<readonly number[]> {
  const folder = join(IMAGES, `${program}.oci`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(IMAGES, { recursive: true })
  await must('buildah', ['push', '--quiet', '--format=oci', image, `oci:${folder}:${tag}`])
  const blob = (digest: string): string => readFileSync(join(folder, 'blobs', ...digest.split(':')), 'utf8')
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: [{ digest: string }] }
  const manifest = JSON.parse(blob(index.manifests[0].digest)) as { layers: readonly { size: number }[] }
  return manifest.layers.map(({ size }) => size)
}

async function unpack(image: string, program: string): Promise<string> {
  const root = join(IMAGES, program)
  rmSync(root, { recursive: true, force: true })
  const container = (await must('buildah', ['from', image])).trim().split('\n').at(-1)!
  try {
    const mounted = (await must('buildah', ['mount', container])).trim().split('\n').at(-1)!
    await must('cp', ['--archive', mounted, root])
  } finally {
    await runTool('buildah', ['rm', container])
  }
  return root
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const { code, output } = await runTool(program, args, { cwd: ROOT, timeoutMs: LONGEST_STEP_MS })
  if (code === 0) return output
  console.error(output.split('\n').slice(-LINES_OF_FAILURE).join('\n'))
  console.error(`${program} ${args[0]} failed`)
  process.exit(1)
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
