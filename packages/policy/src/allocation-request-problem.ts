/** Why a Service is none of ours. */
export type NotOurs =
  { readonly code: 'not-a-load-balancer' } | { readonly code: 'another-class'; readonly class: string }

/** What in a Service keeps it from being given an address. */
export type RequestProblem =
  | { readonly code: 'no-cluster-ip' }
  | { readonly code: 'not-enough-cluster-ips'; readonly clusterIPs: readonly string[] }
  | { readonly code: 'bad-cluster-ips'; readonly clusterIPs: readonly string[] }
  /** `why`: of a pool that is asked for; without it, of one that gave what the Service has. */
  | { readonly code: 'pool-misconfigured'; readonly pool: string; readonly why?: string }
  | { readonly code: 'addresses-asked-twice' }
  | { readonly code: 'bad-address-annotation'; readonly text: string }
  | { readonly code: 'bad-address-field'; readonly text: string }

/** One sentence for people, in MetalLB's words where it has some. */
export function explainRequestProblem(problem: RequestProblem): string {
  switch (problem.code) {
    case 'no-cluster-ip':
      return 'the Service has no cluster IP'
    case 'not-enough-cluster-ips':
      return `Service requires dual stack but not enough clusterips [${problem.clusterIPs.join(' ')}]`
    case 'bad-cluster-ips':
      return badClusterIPs(problem.clusterIPs)
    case 'pool-misconfigured':
      return problem.why === undefined
        ? `pool ${problem.pool}, which the addresses came from, is misconfigured; they are kept until it is mended`
        : `pool ${problem.pool}, which is asked for, is misconfigured: ${problem.why}`
    case 'addresses-asked-twice':
      return 'service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP'
    case 'bad-address-annotation':
      return `invalid metallb.io/loadBalancerIPs: ${quoted(problem.text)}`
    case 'bad-address-field':
      return `invalid spec.loadBalancerIP ${quoted(problem.text)}`
  }
}

function badClusterIPs(clusterIPs: readonly string[]): string {
  const list = `[${clusterIPs.map(ip => JSON.stringify(ip)).join(' ')}]`
  const what =
    clusterIPs.length > 2
      ? `invalid ips length ${clusterIPs.length} ${list}`
      : clusterIPs.every(ip => ip.includes('.') || ip.includes(':'))
        ? `same address family ${list}`
        : `Invalid address ${list}`
  return `Failed to retrieve ClusterIPs IPFamily for ${list} ${clusterIPs[0] ?? ''}: IPFamilyForAddresses: ${what}`
}

/** What a person wrote, short enough for an Event whatever it is. */
function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text)
}

const MAX_QUOTED = 256
