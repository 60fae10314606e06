/** Who wrote the addresses that a Service's status shows, and when, as the API server notes it. */
export interface AddressWriter {
  /** Name of the field manager. */
  readonly manager: string
  /** RFC 3339 to the second, by the API server's clock. */
  readonly at: string
}

/** An entry of `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager?: string
  readonly time?: string
  readonly fieldsV1?: { readonly 'f:status'?: { readonly 'f:loadBalancer'?: object } }
}

/** A load balancer that is not ours and writes Services that are. */
export interface ForeignInstallation {
  readonly manager: string
  /** A Service of ours that it wrote, as `namespace/name`. */
  readonly service: string
}

/** Undefined where no addresses were written, or `own` wrote them. */
export function foreignWriter(fields: readonly ManagedFields[] | undefined, own: string): AddressWriter | undefined {
  const writers = (fields ?? []).filter(({ manager, fieldsV1 }) => {
    return manager !== own && fieldsV1?.['f:status']?.['f:loadBalancer'] !== undefined
  })
  const last = writers.toSorted((a, b) => compareText(a.time ?? '', b.time ?? '')).at(-1)
  return last && { manager: last.manager ?? '', at: last.time ?? '' }
}

/** The newest time at which any of them wrote; empty when none did. What comes later was written while we looked. */
export function lastForeignWrite(writers: Iterable<AddressWriter>): string {
  let last = ''
  for (const { at } of writers) if (at > last) last = at
  return last
}

/**
 * Whether a Service that is ours shows that another installation is at work. Not where it wrote before we began to look:
 * whoever comes after MetalLB finds its name on every Service. Not where a person wrote.
 */
export function isAtWork(writer: AddressWriter, since: string): boolean {
  return writer.at > since && !writer.manager.startsWith(PERSON)
}

/** One sentence for people. */
export function explainForeignInstallation({ manager, service }: ForeignInstallation): string {
  return `"${manager}" writes addresses into Services that are ours, ${service} for one: is another load balancer installed in this cluster, or MetalLB still running?`
}

const PERSON = 'kubectl'

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
