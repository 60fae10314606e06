import type { ServedKind } from './kinds.ts'

/** What /version, /api and /apis answer, so that kubectl finds its way. Undefined: no such page. */
export function discovery(path: string, kinds: readonly ServedKind[]): unknown {
  if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.0-embedded', platform: 'linux/amd64' }
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  const groups = [...new Set(kinds.filter(({ group }) => group !== '').map(({ group }) => group))]
  if (path === '/apis')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(group => apiGroup(group, kinds)) }
  const parts = path.split('/').filter(part => part !== '')
  if (parts[0] === 'apis' && parts.length === 2 && groups.includes(parts[1]!)) return apiGroup(parts[1]!, kinds)
  const [group, version] = parts[0] === 'api' ? ['', parts[1]] : [parts[1], parts[2]]
  const served = kinds.filter(kind => kind.group === group && kind.version === version)
  const isList = parts.length === (parts[0] === 'api' ? 2 : 3)
  return isList && served.length > 0 ? resourceList(`${group === '' ? '' : `${group}/`}${version}`, served) : undefined
}

function apiGroup(name: string, kinds: readonly ServedKind[]): object {
  const versions = [...new Set(kinds.filter(({ group }) => group === name).map(({ version }) => version))]
    .sort()
    .reverse()
  const described = versions.map(version => ({ groupVersion: `${name}/${version}`, version }))
  return { kind: 'APIGroup', apiVersion: 'v1', name, versions: described, preferredVersion: described[0] }
}

function resourceList(groupVersion: string, kinds: readonly ServedKind[]): object {
  const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
  const resources = kinds.flatMap(({ plural, kind, namespaced, hasStatus }) => [
    { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs },
    ...(hasStatus
      ? [{ name: `${plural}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] }]
      : []),
  ])
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }
}
