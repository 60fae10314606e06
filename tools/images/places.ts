import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../run.ts'

export const PROGRAMS = ['controller', 'speaker'] as const

export type ImageProgram = (typeof PROGRAMS)[number]

/** Where `make images` leaves what it built. */
export const IMAGES: string = join(ROOT, '.cache/images')

export type ImageRoots =
  | { readonly ok: true; readonly roots: Readonly<Record<ImageProgram, string>> }
  | { readonly ok: false; readonly reason: string }

/** The root file systems of the images, or why there are none. */
export function findImages(): ImageRoots {
  const roots = Object.fromEntries(PROGRAMS.map(name => [name, join(IMAGES, name)])) as Record<ImageProgram, string>
  const missing = PROGRAMS.filter(name => !existsSync(join(roots[name], name)))
  return missing.length === 0
    ? { ok: true, roots }
    : { ok: false, reason: `no image of ${missing.join(', ')}: run \`make images\`` }
}
