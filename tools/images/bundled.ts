import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../run.ts'

/** A package of somebody else that is part of a program. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** Where npm has it, from the repository's root. */
  readonly place: string
  /** SPDX expression, as its package says. */
  readonly licence: string
  /** Of the archive, as package-lock.json has it. */
  readonly integrity: string
}

/**
 * Whose code is in a bundle, by what esbuild says it has put there.
 * @param metafile written by tsup
 * @param more packages that are there as they are
 */
export function bundledPackages(metafile: string, more: readonly string[] = []): readonly BundledPackage[] {
  const { inputs, outputs } = JSON.parse(readFileSync(metafile, 'utf8')) as Metafile
  if (Object.keys(outputs).length === 0) throw new Error(`${metafile} is of an empty bundle`)
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile
  const places = Object.keys(inputs).flatMap(path => /^(?:\.\.\/)*(node_modules\/.*)$/.exec(path)?.[1] ?? [])
  const found = new Map(
    [...places, ...more.map(name => `node_modules/${name}/`)].map(path => {
      const place = PLACE.exec(path)![1]!
      return [place, lock.packages[place]]
    }),
  )
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, locked]) => {
      if (locked === undefined) throw new Error(`package-lock.json does not know ${place}`)
      const { version, integrity = '' } = locked
      const licence = locked.license ?? licenceIn(place)
      return { name: place.slice(place.lastIndexOf(MODULES) + MODULES.length), version, place, licence, integrity }
    })
}

const MODULES = 'node_modules/'

/** The innermost package that a path is in. */
const PLACE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//

/** The text that comes with a package. */
export function licenceOf(folder: string): string | undefined {
  const file = readdirSync(folder).find(name => /^(licen[cs]e|copying)(\.|-|$)/i.test(name))
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8')
}

function licenceIn(place: string): string {
  const { license } = JSON.parse(readFileSync(join(ROOT, place, 'package.json'), 'utf8')) as { license?: string }
  return license ?? 'NOASSERTION'
}

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>
  readonly outputs: Readonly<Record<string, unknown>>
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly integrity?: string; readonly license?: string }>
  >
}
