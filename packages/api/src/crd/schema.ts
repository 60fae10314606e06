/** A structural OpenAPI v3 schema, as a CustomResourceDefinition carries it. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly description?: string
  readonly format?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly nullable?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly 'x-kubernetes-validations'?: readonly Rule[]
  readonly 'x-kubernetes-map-type'?: 'atomic'
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** A CEL rule; `self` is the value the schema describes. */
export interface Rule {
  readonly rule: string
  readonly message: string
}

type More = Partial<Omit<Schema, 'type' | 'description'>>

export function object(description: string, properties: Readonly<Record<string, Schema>>, more: More = {}): Schema {
  return { type: 'object', description, properties, ...more }
}

export function list(description: string, items: Schema, more: More = {}): Schema {
  return { type: 'array', description, items, ...more }
}

export function text(description: string, more: More = {}): Schema {
  return { type: 'string', description, ...more }
}

export function flag(description: string, more: More = {}): Schema {
  return { type: 'boolean', description, ...more }
}

export function integer(description: string, more: More = {}): Schema {
  return { type: 'integer', description, ...more }
}

export function rules(...validations: readonly Rule[]): Pick<Schema, 'x-kubernetes-validations'> {
  return { 'x-kubernetes-validations': validations }
}

const STRING: Schema = { type: 'string' }

export function texts(description: string, more: More = {}): Schema {
  return list(description, STRING, more)
}

/** A metav1.LabelSelector. */
export function labelSelector(description = 'Selects by labels.'): Schema {
  return object(
    description,
    {
      matchLabels: { type: 'object', description: 'Labels with exactly these values.', additionalProperties: STRING },
      matchExpressions: list(
        'Requirements on labels, all of which hold.',
        object(
          'One requirement.',
          {
            key: text('The label.'),
            operator: text('In, NotIn, Exists or DoesNotExist.'),
            values: texts('Values for In and NotIn.', { 'x-kubernetes-list-type': 'atomic' }),
          },
          { required: ['key', 'operator'] },
        ),
        { 'x-kubernetes-list-type': 'atomic' },
      ),
    },
    { 'x-kubernetes-map-type': 'atomic' },
  )
}

export function labelSelectors(description: string): Schema {
  return list(description, labelSelector())
}

/** metav1.Condition. */
export function conditions(): Schema {
  return list(
    'What holds of this object now.',
    object(
      'One condition.',
      {
        type: text('Name of the condition.', { maxLength: 316 }),
        status: text('Whether it holds.', { enum: ['True', 'False', 'Unknown'] }),
        reason: text('Why, in one word.', { maxLength: 1024 }),
        message: text('Why, in a sentence.', { maxLength: 32_768 }),
        lastTransitionTime: text('When the status last changed.', { format: 'date-time' }),
        observedGeneration: integer('The generation this was said of.', { format: 'int64', minimum: 0 }),
      },
      { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
    ),
    { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  )
}
