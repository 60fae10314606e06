import type { Clock } from '@metallb-ts/runtime'
import type { KubeClient } from './client.ts'
import type { KubeObject, Resource } from './resource.ts'

/** Whether who asks is known to the cluster, and may do it; `unknown` when the API server could not say. */
export type Access = 'allowed' | 'unauthenticated' | 'forbidden' | 'unknown'

export interface AccessReviewer {
  /** May the bearer of this `Authorization` get this path, which is no resource's? Answers are kept for a minute. */
  mayGet(authorization: string | undefined, path: string): Promise<Access>
}

/** Leaves the question to the API server: TokenReview, then SubjectAccessReview, as metrics are guarded all over Kubernetes. */
export function createAccessReviewer({
  client,
  clock,
}: {
  readonly client: KubeClient
  readonly clock: Clock
}): AccessReviewer {
  const known = new Map<string, { readonly access: Access; readonly until: number }>()

  const review = async (token: string, path: string): Promise<Access> => {
    const { status: who } = await client.create<TokenReview>(TOKEN_REVIEWS, { metadata: {}, spec: { token } } as never)
    if (who.authenticated !== true || who.user === undefined) return 'unauthenticated'
    const { username: user, ...rest } = who.user
    const spec = { user, ...rest, nonResourceAttributes: { path, verb: 'get' } }
    const { status } = await client.create<SubjectAccessReview>(ACCESS_REVIEWS, { metadata: {}, spec } as never)
    return status.allowed ? 'allowed' : 'forbidden'
  }

  return {
    mayGet: async (authorization, path) => {
      const [, token] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? []
      if (token === undefined) return 'unauthenticated'
      const key = `${path} ${token}`
      const before = known.get(key)
      if (before !== undefined && before.until > clock.now()) return before.access
      const access = await review(token, path).catch((): Access => 'unknown')
      if (access === 'unknown') return access
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(key, { access, until: clock.now() + KNOWN_MS })
      return access
    },
  }
}

const KNOWN_MS = 60_000
const MAX_KNOWN = 1_024

const TOKEN_REVIEWS: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
}

const ACCESS_REVIEWS: Resource = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

interface TokenReview extends KubeObject {
  readonly status: {
    readonly authenticated?: boolean
    readonly user?: { readonly username: string; readonly uid?: string; readonly groups?: readonly string[] }
  }
}

interface SubjectAccessReview extends KubeObject {
  readonly status: { readonly allowed: boolean }
}
