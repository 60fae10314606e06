import { Failure } from '@metallb-ts/runtime'

/** Why nothing can be connected to: the fault of who configured this. */
export type ConnectProblem =
  /** No kubeconfig was named, and this is no pod with a service account. */
  | { readonly code: 'no-service-account' }
  | { readonly code: 'no-current-cluster'; readonly kubeconfig: string }
  /** `proxy-url` is none of `http:`, `https:`, `socks5:` and `socks5h:`. */
  | { readonly code: 'proxy-not-supported'; readonly kubeconfig: string; readonly scheme: string }

export function connectFailure(problem: ConnectProblem): Failure<ConnectProblem> {
  return new Failure(problem, explain(problem))
}

function explain(problem: ConnectProblem): string {
  switch (problem.code) {
    case 'no-service-account':
      return 'no kubeconfig was given, and this is no pod with a service account'
    case 'no-current-cluster':
      return `${problem.kubeconfig} names no current cluster`
    case 'proxy-not-supported':
      return `${problem.kubeconfig} names a proxy by ${problem.scheme}, and only http:, https:, socks5: and socks5h: are spoken`
  }
}
