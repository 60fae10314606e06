import { randomBytes } from 'node:crypto'
import { SECRETS, type KubeClient, type KubeFailure, type Resource } from '@metallb-ts/k8s-watch'
import { attempted } from './write-outcome.ts'

/**
 * The secret by which speakers know each other: created where it is missing, never touched where it is there. The
 * Deployment owns it, so that it goes with the installation.
 */
export async function ensureMemberSecret(
  client: KubeClient,
  init: { readonly namespace: string; readonly name: string; readonly deployment: string },
): Promise<KubeFailure | undefined> {
  const found = await attempted(client.get(SECRETS, `${init.namespace}/${init.name}`))
  if (found.ok) return undefined
  if (found.error.code !== 'not-found') return found.error
  const deployment = await attempted(client.get(DEPLOYMENTS, `${init.namespace}/${init.deployment}`))
  if (!deployment.ok) return deployment.error
  const { uid = '' } = deployment.value.metadata
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: init.deployment, uid }
  const text = randomBytes(KEY_BYTES).toString('base64').replace(/=+$/, '') // MetalLB's form: unpadded, 22 characters
  const secret = {
    metadata: { name: init.name, namespace: init.namespace, ownerReferences: [owner] },
    type: 'Opaque',
    data: { secretkey: Buffer.from(text).toString('base64') },
  }
  const created = await attempted(client.create(SECRETS, secret))
  return created.ok || created.error.code === 'already-exists' ? undefined : created.error
}

const KEY_BYTES = 16

const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
}
