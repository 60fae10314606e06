import { IP_ADDRESS_POOLS, type IPAddressPool, type PoolCounters } from '@metallb-ts/api'
import { objectKey, SERVICES, type KubeClient, type KubeFailure, type LateAnswer } from '@metallb-ts/k8s-watch'
import type { ServicePatch } from '@metallb-ts/policy'
import type { Result } from '@metallb-ts/runtime'
import { projectService, type KeptService, type SentService } from './projections.ts'
import { attempted } from './write-outcome.ts'

/** The two kinds of status that the controller writes, each answered with the object as it is then. */
export interface StatusWrites {
  service(service: KeptService, patch: ServicePatch): Promise<Result<LateAnswer<KeptService>, KubeFailure>>
  pool(pool: IPAddressPool, status: PoolCounters): Promise<Result<LateAnswer<IPAddressPool>, KubeFailure>>
}

/** @param fieldManager under which name we write */
export function createStatusWrites(client: KubeClient, fieldManager: string): StatusWrites {
  const options = { type: 'merge', subresource: 'status', fieldManager } as const
  return {
    service: async (service, patch) => {
      const written = await attempted(client.patchLate<SentService>(SERVICES, objectKey(service), patch, options))
      if (!written.ok) return written
      const { isVersion, read } = written.value
      return { ok: true, value: { isVersion, read: () => projectService(read(), fieldManager) } }
    },
    pool: (pool, status) =>
      attempted(client.patchLate<IPAddressPool>(IP_ADDRESS_POOLS, objectKey(pool), { status }, options)),
  }
}
