/** What is wrong with a custom resource. The object it belongs to is not used, or stays in its last good version. */
export interface ConfigProblem {
  readonly code: ConfigProblemCode
  readonly object: ObjectName
  /** Field at fault: `spec.addresses[2]`. */
  readonly path: string
  /** The sentence for people, with MetalLB's wording where people search for it. */
  readonly detail: string
}

export interface ObjectName {
  readonly kind: string
  readonly name: string
}

export type ConfigProblemCode =
  | 'missing-field'
  | 'contradiction'
  | 'invalid-range'
  | 'invalid-address'
  | 'invalid-timer'
  | 'invalid-number'
  | 'invalid-selector'
  | 'invalid-community'
  | 'unknown-community'
  | 'invalid-aggregation'
  | 'local-preference-conflict'
  | 'overlap'
  | 'duplicate'
  | 'missing-secret'
  | 'bad-secret'
  | 'unknown-bfd-profile'
  | 'node-address-in-pool'

/** One line that names the object, the field and the fault. */
export function explainProblem({ object, path, detail }: ConfigProblem): string {
  return `${object.kind} ${object.name}, ${path}: ${detail}`
}
