// Plants forbidden imports, one at a time, and expects lint to fail: a rule that cannot fail guards nothing.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitOnSignals, ROOT, runTool } from './run.ts'

exitOnSignals()

interface Plant {
  readonly what: string
  readonly project: string
  readonly file: string
  readonly content: string
  /** Part of the message that has to come. */
  readonly expect: RegExp
}

const BOUNDARY = /enforce-module-boundaries/

const PLANTS: readonly Plant[] = [
  {
    what: 'a mechanism imports a mechanism, for its type only',
    project: 'bgp-fsm',
    file: 'packages/bgp-fsm/src/canary.ts',
    content: "import type { L2Events } from '@metallb-ts/l2-announcer'\nexport type Canary = L2Events\n",
    expect: BOUNDARY,
  },
  {
    what: 'a foundation imports upward',
    project: 'netip',
    file: 'packages/netip/src/canary.ts',
    content: "import { Allocator } from '@metallb-ts/ipam'\nexport const canary: unknown = Allocator\n",
    expect: BOUNDARY,
  },
  {
    what: 'an app imports an app',
    project: 'speaker',
    file: 'apps/speaker/src/canary.ts',
    content:
      "import { createController } from '../../controller/src/wire.ts'\nexport const canary: unknown = createController\n",
    expect: BOUNDARY,
  },
  {
    what: 'a relative path leads into another package',
    project: 'ipam',
    file: 'packages/ipam/src/canary.ts',
    content: "import { EventBus } from '../../event-bus/src/event-bus.ts'\nexport const canary: unknown = EventBus\n",
    expect: BOUNDARY,
  },
  {
    what: 'pure code opens a socket',
    project: 'ipam',
    file: 'packages/ipam/src/canary.ts',
    content: "import { connect } from 'node:net'\nexport const canary: unknown = connect\n",
    expect: /no-restricted-imports/,
  },
  {
    what: 'pure code sets a timer, and reads the clock',
    project: 'ipam',
    file: 'packages/ipam/src/canary.ts',
    content: 'export const canary = (): void => void setTimeout(() => {}, Date.now())\n',
    expect: /no-restricted-globals[\s\S]*no-restricted-properties|no-restricted-properties[\s\S]*no-restricted-globals/,
  },
]

const failures: string[] = []
for (const plant of PLANTS) {
  const { code, output } = await lintWith(plant, false)
  if (code === 0 || !plant.expect.test(output)) failures.push(plant.what)
}
// The rule is silent when no project graph is cached; lint through nx makes one, and that has to stay so.
const first = PLANTS[0]!
const { code, output } = await lintWith(first, true)
if (code === 0 || !first.expect.test(output)) failures.push(`${first.what}, with no project graph cached`)

for (const failure of failures) console.error(`not caught: ${failure}`)
if (failures.length > 0) process.exitCode = 1
else console.log(`${PLANTS.length + 1} forbidden imports were caught`)

async function lintWith(
  { project, file, content }: Plant,
  withoutGraph: boolean,
): Promise<{ code: number; output: string }> {
  const path = join(ROOT, file)
  if (existsSync(path)) throw new Error(`${file} is in the way`)
  const remove = (): void => rmSync(path, { force: true })
  process.once('exit', remove)
  writeFileSync(path, content)
  try {
    if (withoutGraph) await runTool('nx', ['reset', '--only-workspace-data'], { env: { NX_DAEMON: 'false' } })
    return await runTool('nx', ['run', `@metallb-ts/${project}:lint`, '--skip-nx-cache', '--outputStyle=static'], {
      env: { NX_DAEMON: 'false' },
    })
  } finally {
    remove()
    process.off('exit', remove)
  }
}
