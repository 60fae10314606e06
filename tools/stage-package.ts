import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './run.ts'

type Exports = { readonly [key: string]: Exports | string }

/** Lays a built package out as npm gets it: what `files` names, the licence, and no way in to the sources. */
export function stagePackage(name: string, target: string): void {
  const source = join(ROOT, 'packages', name)
  mkdirSync(target, { recursive: true })
  const {
    exports,
    scripts: _,
    nx: __,
    ...manifest
  } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
    exports: Exports
    files: readonly string[]
    scripts?: unknown
    nx?: unknown
  }
  for (const file of manifest.files) cpSync(join(source, file), join(target, file), { recursive: true })
  cpSync(join(ROOT, 'LICENSE'), join(target, 'LICENSE'))
  writeFileSync(
    join(target, 'package.json'),
    `${JSON.stringify({ ...manifest, exports: withoutSources(exports) }, undefined, 2)}\n`,
  )
}

/** The `development` condition is for this repository: it leads to sources, which are not published. */
function withoutSources(exports: Exports): Exports {
  return Object.fromEntries(
    Object.entries(exports)
      .filter(([condition]) => condition !== 'development')
      .map(([key, value]) => [key, typeof value === 'string' ? value : withoutSources(value)]),
  )
}
