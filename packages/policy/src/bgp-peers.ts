import { ANNOTATION_PREFIX, type BGPPeer, type LabelSelector, type Secret } from '@metallb-ts/api'
import type { Address } from '@metallb-ts/netip'
import type { BfdProfileConfig } from './bfd-profiles.ts'
import type { Reading } from './config.ts'
import { durationMs } from './durations.ts'
import type { ConfigProblem } from './problem.ts'
import { selectorKey, selectorProblem } from './selectors.ts'
import { typedAddress } from './typed-address.ts'

/** A router, as one BGPPeer object describes it. */
export interface PeerConfig {
  readonly name: string
  readonly localAsn: number
  /** A number, or the kind of AS that the router may name. */
  readonly peerAsn: number | 'internal' | 'external'
  /** Shown to this router in place of `localAsn`. */
  readonly shownAsn?: number
  /** Where it is: an address, or the interface it is found on. */
  readonly remote: { readonly address: Address } | { readonly interface: string }
  readonly port: number
  readonly sourceAddress?: Address
  /** Absent: the speaker's default. 0: no keepalives. */
  readonly holdSeconds?: number
  readonly keepaliveSeconds?: number
  readonly connectSeconds?: number
  readonly routerId?: Address
  readonly nodeSelectors: readonly LabelSelector[]
  readonly password?: string
  readonly bfdProfile?: string
  /** With a router that offers it, too, the session waits for BFD (annotation `metallb.io/bfd-strict`). */
  readonly strictBfd: boolean
  readonly gracefulRestart: boolean
  readonly ebgpMultihop: boolean
  readonly vrf?: string
  readonly dualStack: boolean
}

export interface PeerSurroundings {
  readonly secrets: readonly Secret[]
  readonly bfdProfiles: readonly BfdProfileConfig[]
}

export function readPeer({ metadata, spec }: BGPPeer, around: PeerSurroundings): Reading<PeerConfig> {
  const { name } = metadata
  const problems: ConfigProblem[] = []
  const fault = (code: ConfigProblem['code'], path: string, detail: string): undefined => {
    problems.push({ code, object: { kind: 'BGPPeer', name }, path, detail: `parsing peer ${name} ${detail}` })
  }
  const peerAsn = readAsn(spec, fault)
  const remote = readRemote(spec, fault)
  const timers = readTimers(spec, fault)
  const routerId = readAddress(spec.routerID, 'spec.routerID', v => `invalid router ID "${v}"`, fault)
  if (routerId?.family === 'ipv6')
    fault('invalid-address', 'spec.routerID', `invalid router ID "${spec.routerID}": it is an IPv4 address`)
  const sourceAddress = readAddress(spec.sourceAddress, 'spec.sourceAddress', v => `invalid source IP "${v}"`, fault)
  checkNodeSelectors(spec.nodeSelectors ?? [], name, fault)
  const password = readPassword({ metadata, spec }, around.secrets, fault)
  if (spec.bfdProfile && !around.bfdProfiles.some(profile => profile.name === spec.bfdProfile)) {
    fault('unknown-bfd-profile', 'spec.bfdProfile', `referencing non existing bfd profile ${spec.bfdProfile}`)
  }
  const strictBfd = readStrictBfd({ metadata, spec }, fault)
  if (problems.length > 0 || peerAsn === undefined || remote === undefined) return { problems }
  return {
    problems,
    value: {
      name,
      localAsn: spec.myASN,
      peerAsn,
      ...(spec.localASN !== undefined && { shownAsn: spec.localASN }),
      remote,
      port: spec.peerPort || DEFAULT_PORT,
      ...(sourceAddress !== undefined && { sourceAddress }),
      ...timers,
      ...(routerId !== undefined && { routerId }),
      nodeSelectors: spec.nodeSelectors ?? [],
      ...(password !== undefined && { password }),
      ...(spec.bfdProfile && { bfdProfile: spec.bfdProfile }),
      strictBfd,
      gracefulRestart: spec.enableGracefulRestart ?? false,
      ebgpMultihop: spec.ebgpMultiHop ?? false,
      ...(spec.vrf && { vrf: spec.vrf }),
      dualStack: spec.dualStackAddressFamily ?? false,
    },
  }
}

const DEFAULT_PORT = 179

type Fault = (code: ConfigProblem['code'], path: string, detail: string) => undefined

function readAsn(spec: BGPPeer['spec'], fault: Fault): PeerConfig['peerAsn'] | undefined {
  const { myASN, peerASN = 0, dynamicASN = '', ebgpMultiHop } = spec
  if (!myASN) fault('missing-field', 'spec.myASN', 'missing local ASN')
  if (peerASN !== 0 && dynamicASN !== '')
    return fault('contradiction', 'spec.dynamicASN', 'both peer ASN and dynamicASN specified')
  if (peerASN !== 0) {
    if (peerASN === myASN && ebgpMultiHop === true) {
      fault('contradiction', 'spec.ebgpMultiHop', 'invalid ebgp-multihop parameter set for an ibgp peer')
    }
    return peerASN
  }
  if (dynamicASN === '') return fault('missing-field', 'spec.peerASN', 'missing peer ASN and dynamicASN')
  if (dynamicASN === 'internal' || dynamicASN === 'external') return dynamicASN
  return fault('contradiction', 'spec.dynamicASN', `invalid dynamicASN ${dynamicASN}`)
}

function readRemote(
  { peerAddress = '', interface: name = '' }: BGPPeer['spec'],
  fault: Fault,
): PeerConfig['remote'] | undefined {
  if (peerAddress !== '' && name !== '')
    return fault('contradiction', 'spec.interface', 'peer has both Address and Interface specified')
  if (name !== '') return { interface: name }
  if (peerAddress === '')
    return fault('missing-field', 'spec.peerAddress', 'peer has no Address or Interface specified')
  const address = typedAddress(peerAddress)
  return address === undefined
    ? fault('invalid-address', 'spec.peerAddress', `invalid BGPPeer address "${peerAddress}"`)
    : { address }
}

function readAddress(
  text: string | undefined,
  path: string,
  sentence: (text: string) => string,
  fault: Fault,
): Address | undefined {
  if (text === undefined || text === '') return undefined
  return typedAddress(text) ?? fault('invalid-address', path, sentence(text))
}

/** Hold and keepalive complete each other: a third, or three times. */
function readTimers(
  { holdTime, keepaliveTime, connectTime }: BGPPeer['spec'],
  fault: Fault,
): Pick<PeerConfig, 'holdSeconds' | 'keepaliveSeconds' | 'connectSeconds'> {
  const hold = readDuration(holdTime, 'spec.holdTime', fault)
  const keepalive = readDuration(keepaliveTime, 'spec.keepaliveTime', fault)
  const connect = readDuration(connectTime, 'spec.connectTime', fault)
  const holdSeconds = hold ?? (keepalive === undefined ? undefined : keepalive * 3)
  if (holdSeconds !== undefined && (Math.trunc(holdSeconds) < 0 || [1, 2].includes(Math.trunc(holdSeconds)))) {
    fault(
      'invalid-timer',
      'spec.holdTime',
      `invalid BGPPeer timers: invalid hold time "${holdTime}": must be 0 or >=3s`,
    )
  }
  if (holdSeconds !== undefined && holdSeconds > MAX_HOLD_SECONDS) {
    fault(
      'invalid-timer',
      'spec.holdTime',
      `invalid BGPPeer timers: invalid hold time "${holdTime}": must be at most ${MAX_HOLD_SECONDS}s`,
    )
  }
  if (hold !== undefined && keepalive !== undefined && keepalive > hold) {
    fault(
      'invalid-timer',
      'spec.keepaliveTime',
      `invalid BGPPeer timers: invalid keepaliveTime "${keepaliveTime}", must be lower than holdTime "${holdTime}"`,
    )
  }
  const keepaliveSeconds = keepalive ?? (hold === undefined ? undefined : hold / 3)
  return {
    ...(holdSeconds !== undefined && { holdSeconds: Math.trunc(holdSeconds) }),
    ...(keepaliveSeconds !== undefined && { keepaliveSeconds }),
    ...(connect !== undefined && { connectSeconds: connect }),
  }
}

const MAX_HOLD_SECONDS = 65_535 // RFC 4271 §4.2: two octets

function readDuration(text: string | undefined, path: string, fault: Fault): number | undefined {
  if (text === undefined || text === '') return undefined
  const ms = durationMs(text)
  return ms === undefined
    ? fault('invalid-timer', path, `invalid BGPPeer timers: "${text}" is no duration`)
    : ms / 1_000
}

function checkNodeSelectors(selectors: readonly LabelSelector[], peer: string, fault: Fault): void {
  const seen = new Set<string>()
  for (const [i, selector] of selectors.entries()) {
    const path = `spec.nodeSelectors[${i}]`
    const problem = selectorProblem(selector)
    if (problem !== undefined)
      fault('invalid-selector', path, `${problem}\nfailed to convert peer ${peer} node selector`)
    const key = selectorKey(selector)
    if (seen.has(key)) fault('duplicate', path, `duplicate definition of nodeSelectors "${key}"`)
    seen.add(key)
  }
}

function readPassword(
  { metadata, spec }: Pick<BGPPeer, 'metadata' | 'spec'>,
  secrets: readonly Secret[],
  fault: Fault,
): string | undefined {
  const reference = spec.passwordSecret?.name ?? ''
  if (reference === '') return spec.password || undefined
  const peer = `"${metadata.namespace ?? ''}"/"${metadata.name}"`
  if (spec.password)
    return fault(
      'contradiction',
      'spec.passwordSecret',
      `can not have both password and secret ref set in peer config ${peer}`,
    )
  const path = 'spec.passwordSecret.name'
  const secret = secrets.find(candidate => candidate.metadata.name === reference)
  if (secret === undefined)
    return fault(
      'missing-secret',
      path,
      `secret ref not found for peer config ${peer}\nfailed to parse peer ${metadata.name} password secret`,
    )
  const where = `"${secret.metadata.namespace ?? ''}"/"${reference}"`
  if (secret.type !== BASIC_AUTH)
    return fault('bad-secret', path, `secret type mismatch on ${where}, type "${BASIC_AUTH}" is expected `)
  const data = secret.data?.['password']
  return data === undefined
    ? fault('bad-secret', path, `password not specified in the secret ${where}`)
    : fromBase64(data)
}

function readStrictBfd({ metadata, spec }: BGPPeer, fault: Fault): boolean {
  const text = metadata.annotations?.[STRICT_BFD_ANNOTATION]
  if (text === undefined || text === 'false') return false
  const path = `metadata.annotations[${STRICT_BFD_ANNOTATION}]`
  if (text !== 'true') fault('contradiction', path, `${STRICT_BFD_ANNOTATION} is true or false, not "${text}"`)
  if (!spec.bfdProfile) fault('contradiction', path, `${STRICT_BFD_ANNOTATION} without a bfd profile waits for ever`)
  return true
}

export const STRICT_BFD_ANNOTATION: string = `${ANNOTATION_PREFIX}bfd-strict`

const BASIC_AUTH = 'kubernetes.io/basic-auth'

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), character => character.charCodeAt(0)))
}
