// Rehearses a release: version plans, new versions and changelogs of every package, with nothing written but what is taken
// away again. `npm pack` of what would be published is tools/check-packages.ts.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitOnSignals, ROOT, runTool } from '../run.ts'

exitOnSignals()

interface Manifest {
  readonly name: string
  readonly version: string
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean }
}

const packages = readdirSync(join(ROOT, 'packages')).map(folder => ({
  folder,
  manifest: JSON.parse(readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8')) as Manifest,
}))
const plans = join(ROOT, '.nx/version-plans')
const plan = join(plans, `rehearsal-${process.pid}.md`)
const failures: string[] = []

mkdirSync(plans, { recursive: true })
process.once('exit', () => rmSync(plan, { force: true }))
const bumps = packages.map(({ manifest: { name } }) => `'${name}': patch\n`).join('')
writeFileSync(plan, `---\n${bumps}---\n\nRehearsed.\n`)
const { code, output } = await runTool('nx', ['release', '--dry-run', '--skip-publish', '--verbose'])
if (code !== 0) failures.push(`nx release --dry-run failed:\n${output.split('\n').slice(-30).join('\n')}`)
for (const { folder, manifest } of packages) {
  const { name, version, publishConfig } = manifest
  if (!output.includes(`packages/${folder}/CHANGELOG.md`)) failures.push(`${name}: no changelog was made`)
  if (!new RegExp(`${name}@(?!${version.replaceAll('.', '\\.')}\\b)\\d`).test(output))
    failures.push(`${name}: no version after ${version}`)
  if (publishConfig?.access !== 'public' || publishConfig.provenance !== true)
    failures.push(`${name}: publishConfig has to be public, with provenance`)
}

for (const failure of failures) console.error(failure)
if (failures.length > 0) process.exitCode = 1
else console.log(`${packages.length} packages would be released`)
