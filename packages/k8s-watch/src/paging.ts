import { kubeFailure, parse } from './failure.ts'

/** One page of a list. */
export interface ListPage<Item> {
  readonly items: readonly Item[]
  readonly revision: string
  /** Asks for the rest; undefined after the last page. */
  readonly next: string | undefined
}

/** Throws a failure for what is no list of an API server. A list without items is an empty one. */
export function readPage<Item>(text: string): ListPage<Item> {
  const { items, metadata } = parse<RawList<Item> | null>(text) ?? {}
  const revision = metadata?.resourceVersion
  if (typeof revision !== 'string' || !Array.isArray(items ?? [])) {
    throw kubeFailure({
      code: 'bad-answer',
      status: 200,
      message: 'no list, or one without a version',
      flaw: 'no-metadata',
    })
  }
  const next = metadata?.continue
  return { items: items ?? [], revision, next: next === '' ? undefined : next }
}

interface RawList<Item> {
  readonly items?: readonly Item[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

/**
 * How many objects to ask for at once. A page is parsed in one piece, so what bounds it is its size: as many objects as
 * fill about `PAGE_CHARACTERS`, by the size of those that came before.
 */
export class PageSize {
  #limit = FIRST_LIMIT

  get limit(): number {
    return this.#limit
  }

  /** A page has come. */
  learn(objects: number, characters: number): void {
    if (objects === 0) return
    const fitting = Math.floor((PAGE_CHARACTERS * objects) / characters)
    this.#limit = Math.max(LEAST_LIMIT, Math.min(MOST_LIMIT, fitting))
  }
}

/** About three milliseconds of parsing. */
export const PAGE_CHARACTERS: number = 512 * 1_024
const FIRST_LIMIT = 100
const LEAST_LIMIT = 10
const MOST_LIMIT = 500
