import { failed, ok, type Result } from '@metallb-ts/runtime'
import type { LinkSnapshot } from './link.ts'

/** Why an interface is not used, for one family or for both. */
export type LinkRefusal = (typeof LINK_REFUSALS)[number]

export const LINK_REFUSALS = [
  'excluded-by-name',
  'loopback',
  'down',
  'no-arp-flag',
  'member-of-another', // a bridge, bond or team speaks for it
  'not-ethernet',
  'no-hardware-address',
  'stands-on-a-used-link', // macvlan or ipvlan: its parent hears the same question
  'no-broadcast', // ARP
  'no-link-local', // NDP
] as const

/** An interface and what it may be used for. */
export interface LinkChoice {
  readonly link: LinkSnapshot
  readonly arp: 'used' | LinkRefusal
  readonly ndp: 'used' | LinkRefusal
}

/**
 * Which interfaces to answer on, and why not on the others; in order of index. MetalLB's rules, and those without which
 * an address would be answered twice or wrongly.
 */
export function chooseLinks(
  links: readonly LinkSnapshot[],
  isExcluded: (name: string) => boolean,
): readonly LinkChoice[] {
  const byIndex = new Map(links.map(link => [link.index, link]))
  const first = links.map(link => ({ link, refusal: refusal(link, byIndex, isExcluded) }))
  const used = new Set(first.filter(({ refusal }) => refusal === undefined).map(({ link }) => link.index))
  return first
    .map(({ link, refusal }) => ({ link, refusal: refusal ?? shadowed(link, used) }))
    .sort((a, b) => a.link.index - b.link.index)
    .map(({ link, refusal }) => ({ link, arp: refusal ?? arpRefusal(link), ndp: refusal ?? ndpRefusal(link) }))
}

export function isUsed({ arp, ndp }: LinkChoice): boolean {
  return arp === 'used' || ndp === 'used'
}

/** The expressions that MetalLB's configuration names, each searched for anywhere in a name. */
export function nameMatcher(expressions: readonly string[]): Result<(name: string) => boolean, NotAnExpression> {
  const compiled: RegExp[] = []
  for (const expression of expressions) {
    try {
      compiled.push(new RegExp(expression))
    } catch {
      return failed({ code: 'not-an-expression', expression })
    }
  }
  return ok(name => compiled.some(expression => expression.test(name)))
}

export interface NotAnExpression {
  readonly code: 'not-an-expression'
  readonly expression: string
}

/** What MetalLB's manifests exclude when nobody says otherwise. */
export const DEFAULT_EXCLUDED_INTERFACES: readonly string[] = [
  '^docker.*',
  '^cbr.*',
  '^dummy.*',
  '^virbr.*',
  '^lxcbr.*',
  '^veth.*',
  '^lo$',
  '^cali.*',
  '^tunl.*',
  '^flannel.*',
  '^kube-ipvs.*',
  '^cni.*',
  '^nodelocaldns.*',
  '^lxc.*',
]

const ARPHRD_ETHER = 1

function refusal(
  link: LinkSnapshot,
  byIndex: ReadonlyMap<number, LinkSnapshot>,
  isExcluded: (name: string) => boolean,
): LinkRefusal | undefined {
  if (isExcluded(link.name)) return 'excluded-by-name'
  if (link.isLoopback) return 'loopback'
  if (!link.isUp) return 'down'
  if (link.isNoArp) return 'no-arp-flag'
  if (link.master !== undefined && masterKind(link, byIndex) !== 'vrf') return 'member-of-another'
  if (link.hardwareType !== ARPHRD_ETHER) return 'not-ethernet'
  return link.mac === undefined || link.mac === 0 ? 'no-hardware-address' : undefined
}

/** The member of a VRF keeps its own segment; its master only routes. */
function masterKind(link: LinkSnapshot, byIndex: ReadonlyMap<number, LinkSnapshot>): string | undefined {
  return link.masterKind ?? byIndex.get(link.master!)?.kind
}

function shadowed({ kind, parent }: LinkSnapshot, used: ReadonlySet<number>): LinkRefusal | undefined {
  const sharesSegment = kind === 'macvlan' || kind === 'ipvlan' || kind === 'macvtap' || kind === 'ipvtap'
  return sharesSegment && parent !== undefined && used.has(parent) ? 'stands-on-a-used-link' : undefined
}

function arpRefusal(link: LinkSnapshot): 'used' | LinkRefusal {
  return link.canBroadcast ? 'used' : 'no-broadcast'
}

function ndpRefusal(link: LinkSnapshot): 'used' | LinkRefusal {
  const hasLinkLocal = link.addresses.some(
    ({ address }) => address.family === 'ipv6' && address.value >> 118n === 0x3fan,
  )
  return hasLinkLocal ? 'used' : 'no-link-local'
}
