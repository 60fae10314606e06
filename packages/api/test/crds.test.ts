import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { annotation, ANNOTATIONS, crds, RESOURCES } from '../src/index.ts'

interface SchemaNode {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly additionalProperties?: SchemaNode | boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
}

const folder = new URL('../../../config/crd/', import.meta.url)

/** Places in a schema that the API server would not call structural. */
function unstructured(schema: SchemaNode, path: string): string[] {
  const isFree =
    schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true
  const own = schema.type === undefined && !isFree ? [path] : []
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, one]) => unstructured(one, `${path}.${name}`))
  const items = schema.items === undefined ? [] : unstructured(schema.items, `${path}[]`)
  const more =
    typeof schema.additionalProperties === 'object' ? unstructured(schema.additionalProperties, `${path}{}`) : []
  return [...own, ...inner, ...items, ...more]
}

describe('custom resource definitions', () => {
  it('are MetalLB’s nine and one more, and the files are what the source says', () => {
    const files = readdirSync(folder).sort()
    expect(files).toEqual(
      crds()
        .map(({ metadata }) => `${metadata.name}.yaml`)
        .sort(),
    )
    for (const crd of crds()) {
      const text = readFileSync(new URL(`${crd.metadata.name}.yaml`, folder), 'utf8')
      expect(parse(text), 'run packages/api/scripts/write-crds.ts').toEqual(JSON.parse(JSON.stringify(crd)))
    }
  })

  it('have one stored version each, schemas that are structural, and names that agree', () => {
    for (const { metadata, spec } of crds() as unknown as readonly {
      metadata: { name: string }
      spec: {
        group: string
        names: { plural: string; kind: string }
        versions: { storage: boolean; schema: { openAPIV3Schema: SchemaNode } }[]
      }
    }[]) {
      expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`)
      expect(spec.versions.filter(({ storage }) => storage)).toHaveLength(1)
      for (const { schema } of spec.versions) expect(unstructured(schema.openAPIV3Schema, spec.names.kind)).toEqual([])
    }
  })

  it('BGPPeer keeps every field that MetalLB has, in both versions', () => {
    const { spec } = crds().find(({ metadata }) => metadata.name === 'bgppeers.metallb.io') as unknown as {
      spec: {
        versions: { name: string; served: boolean; schema: { openAPIV3Schema: { properties: { spec: SchemaNode } } } }[]
      }
    }
    const fields = (version: string): readonly string[] =>
      Object.keys(
        spec.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema.properties.spec.properties ?? {},
      )
    for (const field of [
      'myASN',
      'peerASN',
      'dynamicASN',
      'localASN',
      'peerAddress',
      'interface',
      'sourceAddress',
      'peerPort',
      'holdTime',
      'keepaliveTime',
      'connectTime',
      'routerID',
      'nodeSelectors',
      'password',
      'passwordSecret',
      'bfdProfile',
      'enableGracefulRestart',
      'ebgpMultiHop',
      'vrf',
      'disableMP',
      'dualStackAddressFamily',
    ])
      // prettier-ignore
      expect(fields('v1beta2'), field).toContain(field)
    expect(fields('v1beta1')).toContain('peerAddress')
  })

  it('describe each resource once', () => {
    expect(new Set(RESOURCES.map(({ kind }) => kind)).size).toBe(RESOURCES.length)
  })
})

describe('annotations', () => {
  it('are read by their name, and by the older one', () => {
    const key = ANNOTATIONS.addressPool
    expect(annotation({ 'metallb.io/address-pool': 'new', 'metallb.universe.tf/address-pool': 'old' }, key)).toBe('new')
    expect(annotation({ 'metallb.universe.tf/address-pool': 'old' }, key)).toBe('old')
    expect(annotation({}, key)).toBeUndefined()
    expect(annotation(undefined, key)).toBeUndefined()
  })
})
