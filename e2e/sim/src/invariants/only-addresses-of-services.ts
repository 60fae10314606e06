import type { Service } from '@metallb-ts/api'
import { address, parsePrefix, prefixContains } from '@metallb-ts/netip'
import type { Invariant } from './invariant.ts'
import { addressesOf, keyOf } from './services.ts'

/** A speaker knows what it was told: what it announces must be in a status that it has heard of and not heard undone. */
export const onlyAddressesOfServicesAreAnnounced: Invariant = {
  name: 'no speaker announces an address that is not in the status of a Service',
  watch: ({ cluster, broken }) => {
    const told = new Map<string, Map<string, Told>>()
    const answered = new Map<string, ReadonlySet<string>>()

    function hear(program: string, service: Service, isGone: boolean): void {
      const services = told.get(program) ?? new Map<string, Told>()
      told.set(program, services)
      const { addresses, undone } = services.get(keyOf(service)) ?? { addresses: [], undone: [] }
      const at = cluster.world.now()
      services.set(keyOf(service), {
        addresses: isGone ? [] : addressesOf(service),
        undone: [...undone.filter(one => at - one.at < REACTION_MS), { addresses, at }],
      })
    }

    function isKnown(program: string, matches: (text: string) => boolean): boolean {
      return [...(told.get(program)?.values() ?? [])].some(
        ({ addresses, undone }) =>
          addresses.some(matches) ||
          undone.some(one => cluster.world.now() - one.at < REACTION_MS && one.addresses.some(matches)),
      )
    }

    return {
      onStart: program => void told.delete(program),
      onHeard: (program, { path }, text) => {
        if (path !== '/api/v1/services') return
        const heard = JSON.parse(text) as { type?: string; object?: Service; items?: readonly Service[] }
        for (const service of heard.items ?? []) hear(program, service, false)
        if (heard.object?.metadata.name !== undefined && heard.type !== 'BOOKMARK')
          hear(program, heard.object, heard.type === 'DELETED')
      },
      answers: (node, addresses) => {
        const before = answered.get(node)
        answered.set(node, new Set(addresses))
        for (const text of addresses)
          if (before?.has(text) !== true && !isKnown(`speaker-${node}`, known => known === text))
            broken(`${node} answers for ${text}`)
      },
      onEvent: (program, name, detail) => {
        if (name !== 'bgp:advertised') return
        for (const text of (detail as { prefixes: readonly string[] }).prefixes) {
          const prefix = parsePrefix(text)
          if (!prefix.ok || !isKnown(program, known => prefixContains(prefix.value, address(known))))
            broken(`${program} announces ${text}`)
        }
      },
      atRest: () => {
        const shown = new Set(cluster.objects.services.flatMap(addressesOf))
        for (const [node, addresses] of answered)
          for (const text of addresses) if (!shown.has(text)) broken(`${node} answers for ${text}, which nobody has`)
        return Promise.resolve()
      },
    }
  },
}

interface Told {
  readonly addresses: readonly string[]
  /** What it had, and when news came that it has it no longer. */
  readonly undone: readonly { readonly addresses: readonly string[]; readonly at: number }[]
}

/** What was decided before the news came may still be under way. */
const REACTION_MS = 1_000
