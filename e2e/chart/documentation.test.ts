import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BFD_PROFILES,
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  COMMUNITIES,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
} from '@metallb-ts/api'
import { explainProblem, readConfig } from '@metallb-ts/policy'
import { objectsIn, type Rendered } from '@metallb-ts/tools/chart/helm'
import { MEANINGS } from './docs/meanings.ts'
import { defaultsOfChart, leaves } from './docs/values.ts'
import { pages } from './docs/write.ts'
import { ROOT } from '@metallb-ts/tools/run'
import { describe, expect, it } from 'vitest'
import { helm, where } from './support.ts'

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const examples = readdirSync(join(ROOT, 'docs/examples'))
const page = (name: string): string => text(`docs/${name}.md`)

describe('the documentation', () => {
  it.skipIf(!helm.ok)(
    `[row 109] its tables of values and metrics are what is written from source (${where})`,
    async () => {
      for (const [path, expected] of await pages()) expect(text(path), 'run e2e/chart/docs/write.ts').toBe(expected)
    },
  )

  it('[row 109] no meaning is left of a value that has gone', () => {
    const paths = leaves(defaultsOfChart()).map(([path]) => path)
    expect(MEANINGS.filter(([pattern]) => !paths.some(path => pattern.test(path)))).toEqual([])
  })

  it.each(examples)('[row 109] the page shows the example %s as it is', name => {
    expect(page('configuration')).toContain(`\`\`\`yaml\n${text(`docs/examples/${name}`)}\`\`\``)
  })

  it('[row 109] the programs understand every example, all of them at once', () => {
    const objects = examples.flatMap(name => objectsIn(text(`docs/examples/${name}`)))
    const of = (kind: string): never => objects.filter(object => object.kind === kind) as never
    const { problems } = readConfig({
      pools: of(IP_ADDRESS_POOLS.kind),
      l2Advertisements: of(L2_ADVERTISEMENTS.kind),
      bgpAdvertisements: of(BGP_ADVERTISEMENTS.kind),
      peers: of(BGP_PEERS.kind),
      bfdProfiles: of(BFD_PROFILES.kind),
      communities: of(COMMUNITIES.kind),
      namespaces: [],
      nodes: [],
      secrets: objects.filter(({ kind }) => kind === 'Secret').map(stored) as never,
    })
    expect(problems.map(explainProblem)).toEqual([])
  })

  it.each([
    ['packages/policy/src/silence.ts', /export type SilenceCode =((?:\s*\| '[\w-]+')+)/],
    ['packages/policy/src/problem.ts', /export type ConfigProblemCode =((?:\s*\| '[\w-]+')+)/],
    ['packages/policy/src/allocation-request-problem.ts', /export type RequestProblem =([\s\S]*?)\n\n/],
    ['packages/ipam/src/failure.ts', /export type AllocationFailure =([\s\S]*?)\n\n/],
  ])('[row 109] troubleshooting explains every code of %s', (path, union) => {
    const codes = [...union.exec(text(path))![1]!.matchAll(/(?:\| |code: )'([\w-]+)'/g)].map(([, code]) => code!)
    expect(codes.length).toBeGreaterThan(5)
    expect(codes.filter(code => !page('troubleshooting').includes(`| \`${code}\``))).toEqual([])
  })

  it('[row 109] every link leads to a file that is there', () => {
    const files = readdirSync(join(ROOT, 'docs')).filter(name => name.endsWith('.md'))
    const broken = files.flatMap(name =>
      [...text(`docs/${name}`).matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .map(([, target]) => join('docs', target!))
        .filter(target => !exists(target))
        .map(target => `${name}: ${target}`),
    )
    expect(broken).toEqual([])
  })
})

function exists(path: string): boolean {
  try {
    readdirSync(join(ROOT, path))
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR'
  }
}

/** As the API server keeps what was written in plain text. */
function stored({ stringData = {}, ...secret }: Rendered & { stringData?: Record<string, string> }): object {
  const entries = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  return { ...secret, data: Object.fromEntries(entries) as object }
}
