import { asKubeFailure, isCode, type Outcome } from '@metallb-ts/k8s-watch'
import type { Clock, Logger } from '@metallb-ts/runtime'

/**
 * A reconcile that the API server forbids says once which right is missing, and is not asked again for minutes: under
 * rules that know nothing of it every Service would be one more refusal.
 */
export function permitted(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  reconcile: (key: string) => Promise<Outcome>,
): (key: string) => Promise<Outcome> {
  let until = 0
  let said = ''
  const later = (): Outcome => ({ kind: 'later', ms: until - clock.now() })
  return async key => {
    if (clock.now() < until) return later()
    try {
      return await reconcile(key)
    } catch (error) {
      if (!isCode(error, 'forbidden')) throw error
      const right = asKubeFailure(error).message.replace(/^.* is forbidden: /, '')
      until = clock.now() + FORBIDDEN_MS
      if (right !== said) logger.error('permission-missing', { message: right })
      said = right
      return later()
    }
  }
}

const FORBIDDEN_MS = 5 * 60_000
