import { GROUP } from '../metallb.ts'
import { object, text, type Schema } from './schema.ts'

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'boolean' | 'integer' | 'date'
  readonly jsonPath: string
  readonly priority?: number
}

export interface ResourceVersion {
  readonly name: string
  readonly storage: boolean
  readonly deprecationWarning?: string
  readonly spec?: Schema
  readonly specRequired?: boolean
  readonly status: Schema
  readonly columns: readonly PrinterColumn[]
}

export interface ResourceDefinition {
  readonly kind: string
  readonly plural: string
  readonly description: string
  readonly versions: readonly ResourceVersion[]
}

export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1'
  readonly kind: 'CustomResourceDefinition'
  readonly metadata: { readonly name: string }
  readonly spec: Readonly<Record<string, unknown>>
}

/** The object that `kubectl apply` takes. Both served versions share one schema tree per version; nothing converts by webhook. */
export function customResourceDefinition({
  kind,
  plural,
  description,
  versions,
}: ResourceDefinition): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: versions.map(version => servedVersion(description, version)),
    },
  }
}

function servedVersion(description: string, version: ResourceVersion): Readonly<Record<string, unknown>> {
  const { name, storage, deprecationWarning, columns } = version
  return {
    name,
    served: true,
    storage,
    ...(deprecationWarning !== undefined && { deprecated: true, deprecationWarning }),
    subresources: { status: {} },
    ...(columns.length > 0 && { additionalPrinterColumns: columns }),
    schema: { openAPIV3Schema: rootSchema(description, version) },
  }
}

/** The schema of a whole object, of which `metadata` is the API server's own business. */
export function rootSchema(description: string, { spec, specRequired, status }: ResourceVersion): Schema {
  return object(
    description,
    {
      apiVersion: text('Version of this representation.'),
      kind: text('Kind of this object.'),
      metadata: { type: 'object' },
      ...(spec !== undefined && { spec }),
      status,
    },
    specRequired ? { required: ['spec'] } : {},
  )
}
