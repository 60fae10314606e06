import type { ResourceVersion } from './crd/definition.ts'
import { BGP_PEER } from './crd/peers.ts'
import type { Schema } from './crd/schema.ts'
import type { KubeObject } from './kubernetes.ts'
import { GROUP } from './metallb.ts'

/** On a BGPPeer of v1beta1: what v1beta1 has no field for, as JSON. */
export const NEWER_FIELDS_ANNOTATION = 'metallb-ts.io/bgppeer-v1beta2'

/** Where API servers ask for another version of a BGPPeer, as of MetalLB's. */
export const CONVERSION_PATH = '/convert'

/**
 * A BGPPeer in another of its versions. There and back again is the same object: what only v1beta2 says waits in an annotation.
 * What v1beta1 demands and v1beta2 leaves out is 0 or empty there, which means the same to every reader.
 * @param apiVersion `metallb.io/v1beta1` or `metallb.io/v1beta2`
 * @throws RangeError for any other kind or version, which no definition of ours sends
 */
export function convertPeer<T extends KubeObject>(peer: T, apiVersion: string): T {
  if (peer.kind !== BGP_PEER.kind) throw new RangeError(`${String(peer.kind)} has one version only`)
  for (const version of [peer.apiVersion, apiVersion])
    if (version !== OLDER && version !== NEWER) throw new RangeError(`BGPPeer has no version ${String(version)}`)
  if (peer.apiVersion === apiVersion) return peer
  const convert = apiVersion === OLDER ? toOlder : toNewer
  return { ...peer, ...convert(peer as unknown as Peer), apiVersion }
}

/** `spec.conversion` of the definition of BGPPeers, where a webhook converts them. The controller adds whom to trust. */
export function conversionWebhook(namespace: string): ConversionWebhook {
  return {
    strategy: 'Webhook',
    webhook: {
      conversionReviewVersions: ['v1', 'v1beta1'],
      clientConfig: { service: { name: 'metallb-webhook-service', namespace, path: CONVERSION_PATH } },
    },
  }
}

export interface ConversionWebhook {
  readonly strategy: 'Webhook'
  readonly webhook: {
    readonly conversionReviewVersions: readonly string[]
    readonly clientConfig: {
      readonly service: { readonly name: string; readonly namespace: string; readonly path: string }
    }
  }
}

const OLDER = `${GROUP}/v1beta1`
const NEWER = `${GROUP}/v1beta2`

type Fields = Readonly<Record<string, unknown>>

interface Peer extends KubeObject {
  readonly spec?: Fields
}

type Converted = Pick<Peer, 'metadata' | 'spec'>

/** Fields that v1beta1 demands. */
const NOT_GIVEN: Fields = { peerASN: 0, peerAddress: '' }
/** Values by which v1beta1 says what v1beta2 says by leaving the field out. */
const SAYS_NOTHING = new Map<string, unknown>(Object.entries({ ...NOT_GIVEN, peerPort: 0 }))

const OLDER_FIELDS = fieldsOf('v1beta1')
const ONLY_NEWER = new Map(Object.entries(fieldsOf('v1beta2')).filter(([name]) => !(name in OLDER_FIELDS)))

function fieldsOf(version: ResourceVersion['name']): Readonly<Record<string, Schema>> {
  return BGP_PEER.versions.find(({ name }) => name === version)!.spec!.properties!
}

function toOlder({ metadata, spec = {} }: Peer): Converted {
  const more = filtered(spec, (name, value) => ONLY_NEWER.has(name) && value !== ONLY_NEWER.get(name)!.default)
  const shared = filtered(spec, name => !ONLY_NEWER.has(name))
  return { metadata: withMore(metadata, more), spec: { ...NOT_GIVEN, ...shared } }
}

function toNewer({ metadata, spec = {} }: Peer): Converted {
  const given = filtered(spec, (name, value) => value !== SAYS_NOTHING.get(name))
  return { metadata: withMore(metadata, {}), spec: { ...given, ...moreIn(metadata) } }
}

function withMore({ annotations = {}, ...metadata }: Peer['metadata'], more: Fields): Peer['metadata'] {
  const { [NEWER_FIELDS_ANNOTATION]: _before, ...others } = annotations
  const isNeeded = Object.keys(more).length > 0
  const all = isNeeded ? { ...others, [NEWER_FIELDS_ANNOTATION]: JSON.stringify(more) } : others
  return Object.keys(all).length > 0 ? { ...metadata, annotations: all } : metadata
}

/** Anybody may edit an annotation, and no schema judges it: what v1beta2 would not take is left out. */
function moreIn({ annotations = {} }: Peer['metadata']): Fields {
  const said = parsed(annotations[NEWER_FIELDS_ANNOTATION] ?? '{}')
  return isFields(said) ? filtered(said, (name, value) => fits(ONLY_NEWER.get(name), value)) : {}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a schema takes a value, but for its rules in CEL: the reader of BGPPeers looks at those itself. */
function fits(schema: Schema | undefined, value: unknown): boolean {
  if (schema === undefined) return false
  const { type, properties = {}, minimum = -Infinity, maximum = Infinity } = schema
  if (type === 'object')
    return isFields(value) && Object.entries(value).every(([name, one]) => fits(properties[name], one))
  if (type === 'integer') return Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum
  return typeof value === type && (schema.enum?.includes(String(value)) ?? true)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function filtered(fields: Fields, takes: (name: string, value: unknown) => boolean): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => takes(name, value)))
}
