import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findImages, IMAGES, PROGRAMS, type ImageProgram } from '@metallb-ts/tools/images/places'
import { runTool } from '@metallb-ts/tools/run'
import { describe, expect, it } from 'vitest'

const images = findImages()
const rootOf = (program: ImageProgram): string => join(IMAGES, program)
const USERS: Readonly<Record<ImageProgram, string>> = { controller: '65534', speaker: '0' }

interface Sbom {
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[]
}

describe.skipIf(!images.ok)(`the images (${images.ok ? 'built' : images.reason})`, () => {
  it.each(PROGRAMS)('[row 109] %s runs from its own files, with a root that cannot be written to', async program => {
    const { code, output } = await inImage(program, [`/${program}`, '--help'])
    expect(code, output).toBe(0)
    expect(output).toContain('--log-level')
    const written = await inImage(program, ['/usr/bin/node', '-e', 'fs.writeFileSync("/x", "")'])
    expect(written.output).toMatch(/EROFS/)
  })

  it.each(PROGRAMS)('[row 109] %s reads what Node has compiled of it before', async program => {
    const { output } = await inImage(program, [`/${program}`, '--help'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
    const main = output.split('\n').filter(line => line.includes(`/app/${program}/main.js`))
    expect(main.join('\n')).toMatch(/was accepted/)
  })

  it.each(PROGRAMS)('[row 109] %s holds no shell, no package manager and nothing that changes the user', program => {
    const files = everyFile(rootOf(program))
    expect(files.filter(path => /\/(sh|bash|busybox|apt|dpkg|npm)$/.test(path))).toEqual([])
    expect(files.filter(path => (statSync(path).mode & 0o6000) !== 0)).toEqual([])
  })

  it.each(PROGRAMS)('[row 109] of all that is in %s the SBOM says whose it is, and its licence is there', program => {
    const root = rootOf(program)
    const { components } = JSON.parse(readFileSync(join(IMAGES, `${program}.cdx.json`), 'utf8')) as Sbom
    const names = components.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['libc6', 'libstdc++6', 'undici', `node-linux-${process.arch}`]))
    expect(names.includes('koffi')).toBe(program === 'speaker')
    expect(components.filter(({ version, purl }) => version === '' || !purl.startsWith('pkg:'))).toEqual([])
    const native = everyFile(root).filter(isElf)
    const known = /\/usr\/bin\/node$|\/koffi\.node$|\/lib(64)?\/(.*\/)?(lib|ld-)[^/]*\.so[^/]*$/
    expect(native.length).toBeGreaterThan(5)
    expect(native.filter(path => !known.test(path))).toEqual([])
    const licences = readFileSync(join(root, 'app', program, 'LICENCES'), 'utf8')
    const isLicensed = ({ name, version, purl }: Sbom['components'][number]): boolean =>
      purl.startsWith('pkg:npm')
        ? licences.includes(`${name} ${version}, `)
        : existsSync(join(root, 'usr/share/doc', name, 'copyright'))
    expect(components.filter(one => !isLicensed(one))).toEqual([])
  })

  it.each(PROGRAMS)('[row 109] %s is loaded as less than 60 MB', program => {
    const folder = join(IMAGES, `${program}.oci`)
    const json = (path: string): never => JSON.parse(readFileSync(join(folder, path), 'utf8')) as never
    const { manifests } = json('index.json') as { manifests: readonly [{ digest: string }] }
    const { layers } = json(`blobs/${manifests[0].digest.replace(':', '/')}`) as { layers: readonly { size: number }[] }
    expect(layers.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(60e6)
  })
})

/** Runs a command in an image as its user, without any capability. */
function inImage(
  program: ImageProgram,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof runTool> {
  const root = rootOf(program)
  const user = USERS[program]
  return runTool('bwrap', [
    ...['--ro-bind', root, '/', '--die-with-parent', '--cap-drop', 'ALL', '--unshare-pid', '--clearenv'],
    ...(user === '0' ? [] : ['--unshare-user', '--uid', user, '--gid', user]),
    ...Object.entries({ NODE_COMPILE_CACHE: `/app/${program}/compiled`, ...env }).flatMap(pair => [
      '--setenv',
      ...pair,
    ]),
    ...command,
  ])
}

function everyFile(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

function isElf(path: string): boolean {
  return readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))
}
