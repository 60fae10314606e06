import type { OwnerReference } from '@metallb-ts/api'
import { PODS, type KubeClient } from '@metallb-ts/k8s-watch'

/** The pod that this process runs in, so that what it writes goes when the pod does; none outside a pod. Asked once. */
export function createOwner(
  client: KubeClient,
  { namespace, podName }: { readonly namespace: string; readonly podName: string },
): () => Promise<readonly OwnerReference[]> {
  let found: Promise<readonly OwnerReference[]> | undefined
  const ask = async (): Promise<readonly OwnerReference[]> => {
    if (podName === '') return []
    const pod = await client.get(PODS, `${namespace}/${podName}`).catch(() => undefined)
    const uid = pod?.metadata.uid
    return uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid }]
  }
  return () => (found ??= ask())
}
