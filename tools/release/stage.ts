// Lays every built package out in .cache/publish, a folder each, as `npm publish` takes it.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../run.ts'
import { stagePackage } from '../stage-package.ts'

const target = join(ROOT, '.cache/publish')
rmSync(target, { recursive: true, force: true })
for (const name of readdirSync(join(ROOT, 'packages'))) stagePackage(name, join(target, name))
