import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { ROOT } from '../run.ts'

/** What came of a release. */
export interface Verdict {
  readonly release: string
  readonly passed: number
  /** Names of tests. */
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
  /** Why it was not tried. */
  readonly problem?: string
}

export const RESULTS: string = join(ROOT, 'docs/compatibility.json')
export const PAGE: string = join(ROOT, 'docs/compatibility.md')

/** docs/compatibility.md, from what was run. */
export async function page(verdicts: readonly Verdict[]): Promise<string> {
  const rows = verdicts.map(({ release, passed, failed, skipped, problem }) =>
    problem === undefined
      ? `| ${release} | ${passed} | ${failed.length === 0 ? 'none' : failed.join('<br>')} | ${skipped.length} |`
      : `| ${release} | not tried: ${problem} | | |`,
  )
  const table = ['| Kubernetes | Passed | Failed | Skipped |', '| --- | --- | --- | --- |', ...rows]
  const text = [INTRODUCTION, ...(rows.length === 0 ? [NONE] : table), OTHERS].join('\n')
  return format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' })
}

const INTRODUCTION = `# Compatibility

Written by \`make compat\`, which builds kube-apiserver, kube-controller-manager and kube-proxy of each release from their
modules and runs the cluster suite on them: definitions and their rules, watches, statuses, RBAC, webhooks, the chart
installed, upgraded and taken over from MetalLB, and the first answer on the network. A release that is not in the table was
not run by it; \`make test\` runs the same tests on the release that \`tools/envtest\` builds.
`

const NONE = 'No release has been run by it yet.'

const OTHERS = `
What older clusters lack, and what is done about it:

- Before 1.21 there is no \`discovery.k8s.io/v1\`: the speaker reads Endpoints. That is tested on the fake API server
  (\`packages/k8s-watch\`), and on no real one.
- Before 1.25 the rules of the definitions (\`x-kubernetes-validations\`) are not checked: an object that they would refuse is
  taken, and reported in the ConfigurationState.
- Streamed lists are used where the server has them, and left where it refuses or does not know them.
- A cluster that is older than \`apiextensions.k8s.io/v1\` (1.16) cannot hold the definitions. Its ConfigMap is converted by
  \`configmaptocrs\` on the way to a newer one.
`
