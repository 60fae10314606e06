import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The expressions of MetalLB's file, key `announcedInterfacesToExclude`. No file: none. Throws on what is no such file. */
export function excludedInterfaces(path: string): readonly string[] {
  if (!existsSync(path)) return []
  const content: unknown = parse(readFileSync(path, 'utf8'))
  const list = (content as { announcedInterfacesToExclude?: unknown } | null)?.announcedInterfacesToExclude ?? []
  if (!Array.isArray(list) || !list.every(item => typeof item === 'string')) {
    throw new TypeError(`${path}: announcedInterfacesToExclude is no list of expressions`)
  }
  return list
}
