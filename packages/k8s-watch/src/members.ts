/** Members of an object of JSON; `*` stands for each element of an array: `{ endpoints: { '*': { targetRef: true } } }`. */
export interface Members {
  readonly [name: string]: true | Members
}

/** Members that a program has no use for: `{ metadata: { managedFields: true } }`. Some of them every store reads. */
export type Unread = Members & {
  readonly metadata?: Members & {
    readonly name?: never
    readonly namespace?: never
    readonly uid?: never
    readonly resourceVersion?: never
    /** Some of them; one says that a set is whole. */
    readonly annotations?: Members
  }
}
