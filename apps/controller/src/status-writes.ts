import { IP_ADDRESS_POOLS, type IPAddressPool, type PoolCounters } from '@metallb-ts/api'
import { objectKey, SERVICES, type KubeClient, type KubeFailure } from '@metallb-ts/k8s-watch'
import type { ServicePatch } from '@metallb-ts/policy'
import type { Result } from '@metallb-ts/runtime'
import { projectService, type KeptService, type SentService } from './projections.ts'
import { attempted } from './write-outcome.ts'

/** The two kinds of status that the controller writes, each answered with the object as it is then. */
export interface StatusWrites {
  service(service: KeptService, patch: ServicePatch): Promise<Result<KeptService, KubeFailure>>
  pool(pool: IPAddressPool, status: PoolCounters): Promise<Result<IPAddressPool, KubeFailure>>
}

/** @param fieldManager under which name we write */
export function createStatusWrites(client: KubeClient, fieldManager: string): StatusWrites {
  const options = { type: 'merge', subresource: 'status', fieldManager } as const
  return {
    service: async (service, patch) => {
      const written = await attempted(client.patch<SentService>(SERVICES, objectKey(service), patch, options))
      return written.ok ? { ok: true, value: projectService(written.value, fieldManager) } : written
    },
    pool: (pool, status) =>
      attempted(client.patch<IPAddressPool>(IP_ADDRESS_POOLS, objectKey(pool), { status }, options)),
  }
}
