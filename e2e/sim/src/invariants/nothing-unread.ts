import type { KubeRequest } from '@metallb-ts/k8s-watch'
import type { Invariant } from './invariant.ts'

/** Every set that a life of a program has asked for was heard whole before it writes an address, a route, or answers for one. */
export const nothingIsDecidedUnread: Invariant = {
  name: 'nothing is decided before everything that is watched has been read once',
  watch: ({ broken }) => {
    const unread = new Map<string, Map<string, 'asked' | 'whole'>>()

    function decides(program: string, what: string): void {
      const missing = [...(unread.get(program) ?? [])].filter(([, state]) => state === 'asked').map(([path]) => path)
      if (missing.length > 0) broken(`${program} ${what}, and has not read ${missing.join()}`)
    }

    return {
      onStart: program => void unread.set(program, new Map()),
      onRequest: (program, request) => {
        const sets = unread.get(program)!
        if (isDecisive(request) && !sets.has(request.path)) sets.set(request.path, 'asked')
        const isStatus = request.method === 'PATCH' && /\/services\/.*\/status$/.test(request.path)
        if (isStatus) decides(program, `writes ${request.path}`)
      },
      onHeard: (program, request, text) => {
        if (isDecisive(request) && isWhole(request, text)) unread.get(program)?.set(request.path, 'whole')
      },
      answers: (node, addresses) => {
        if (addresses.length > 0) decides(`speaker-${node}`, `answers for ${addresses.join()}`)
      },
      onEvent: (program, name) => {
        if (name === 'bgp:advertised') decides(program, 'announces routes')
      },
    }
  },
}

/** A collection, and not one of what we write ourselves. */
function isDecisive({ method, path, query }: KubeRequest): boolean {
  const isCollection = query?.['watch'] === '1' || query?.['limit'] !== undefined
  return method === 'GET' && isCollection && !/statuses|configurationstates|bgpsessionstates/.test(path)
}

function isWhole({ query }: KubeRequest, text: string): boolean {
  if (query?.['sendInitialEvents'] === 'true') return text.includes('"k8s.io/initial-events-end":"true"')
  return query?.['watch'] !== '1' && !text.includes('"continue":')
}
