import { failed, ok, type Result } from '@metallb-ts/runtime'

const VALID = /^[a-z][-a-z0-9]{0,61}[a-z0-9]$/
const LONGEST = 63

/** A name that Kubernetes takes: as it was when it may be, mended when it can be. The error names what cannot. */
export function kubernetesName(kind: string, name: string): Result<string, string> {
  if (VALID.test(name)) return ok(name)
  const mended = name
    .slice(0, LONGEST)
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/^[^a-z]+/, '')
  return mended === '' ? failed(`failed to make ${kind} K8S compatible: ${name}`) : ok(mended)
}
