import { join } from 'node:path'
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
export function page(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ release, passed, failed, skipped, problem }) =>
    problem === undefined
      ? `| ${release} | ${passed} | ${failed.length === 0 ? 'none' : failed.join('<br>')} | ${skipped.length} |`
      : `| ${release} | not tried: ${problem} | | |`,
  )
  return [
    INTRODUCTION,
    '| Kubernetes | Passed | Failed | Skipped |',
    '| --- | --- | --- | --- |',
    ...rows,
    OTHERS,
  ].join('\n')
}

const INTRODUCTION = `# Compatibility

Written by \`make compat\`, which builds kube-apiserver, kube-controller-manager and kube-proxy of each release from their
modules and runs the cluster suite on them: definitions and their rules, watches, statuses, RBAC, webhooks, the chart
installed, upgraded and taken over from MetalLB, and the first answer on the network. A release that is not in the table was
not run.
`

const OTHERS = `
What older clusters lack, and what is done about it:

- Before 1.21 there is no \`discovery.k8s.io/v1\`: the speaker reads Endpoints. That is tested on the fake API server
  (\`packages/k8s-watch\`), not on a real one: no module of such a release builds with today's Go.
- Before 1.29 \`x-kubernetes-validations\` are not checked by default: an object that they would refuse is taken, and reported
  in the ConfigurationState and not at \`kubectl apply\`.
- Streamed lists are used where the server has them, and left where it refuses or does not know them.
- A cluster that is older than \`apiextensions.k8s.io/v1\` (1.16) cannot hold the definitions. Its ConfigMap is converted by
  \`configmaptocrs\` on the way to a newer one.
`
