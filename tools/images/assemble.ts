// Lays out what an image holds of a built program: its files, Node, and what of other people is in them.
// usage: assemble.ts controller|speaker FOLDER
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { arch } from 'node:process'
import { join } from 'node:path'
import { ROOT } from '../run.ts'
import { bundledPackages, licenceOf, type BundledPackage } from './bundled.ts'
import { NODE_FLAG } from './node-flag.ts'

const [program = '', target = ''] = process.argv.slice(2)
const modules = join(ROOT, 'node_modules')
const dist = join(ROOT, 'apps', program, 'dist')
const folder = join(target, program)

/** What esbuild cannot bundle; only the speaker calls into the kernel. */
const native = program === 'speaker' ? ['koffi', `@koromix/koffi-linux-${arch}`] : []
const node = `node-linux-${arch}`

mkdirSync(join(target, 'bin'), { recursive: true })
mkdirSync(folder, { recursive: true })
cpSync(join(modules, node, 'bin/node'), join(target, 'node'))
for (const file of readdirSync(dist)) if (file.endsWith('.js')) cpSync(join(dist, file), join(folder, file))
for (const name of native) copyPackage(name)
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')

const packages = bundledPackages(join(dist, 'metafile-esm.json'), [...native, node])
writeFileSync(join(folder, 'packages.json'), `${JSON.stringify(packages, undefined, 2)}\n`)
writeFileSync(join(folder, 'LICENCES'), packages.map(licences).join('\n'))

// Without a shell there: the kernel reads the first line, and gives what follows the program as one argument. MetalLB's values
// name this path as a command.
const start = join(target, 'bin', program)
writeFileSync(start, `#!/usr/bin/node ${NODE_FLAG}\nimport('/app/${program}/main.js')\n`)
chmodSync(start, 0o755)

/** What runs of a native package, and not what it is built from. */
function copyPackage(name: string): void {
  const isSource = /^\/(doc|vendor|lib|CHANGELOG\.md|cnoke\.cjs|musl_\w+)$|\.(cc|hh|h|inc|asm|S|txt)$/
  const from = join(modules, name)
  cpSync(from, join(folder, 'node_modules', name), {
    recursive: true,
    filter: path => !isSource.test(path.slice(from.length)) || /licen[cs]e/i.test(path),
  })
}

function licences({ name, version, place, licence }: BundledPackage): string {
  const text = licenceOf(join(ROOT, place))
  return `${name} ${version}, ${licence}\n\n${text ?? 'Its package holds no text of the licence.'}\n`
}

if (!existsSync(join(folder, 'main.js'))) throw new Error(`${dist} holds no main.js`)
