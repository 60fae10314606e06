import { randomInteger, type Random } from '@metallb-ts/runtime'

/** A number from `least` to `most` that is not in use: the first free one from a random place on. */
export function drawUnused(
  random: Random,
  { least, most }: { readonly least: number; readonly most: number },
  isUsed: (candidate: number) => boolean,
): number {
  const span = most - least + 1
  const first = randomInteger(random, span)
  for (let i = 0; i < span; i++) {
    const candidate = least + ((first + i) % span)
    if (!isUsed(candidate)) return candidate
  }
  throw new RangeError(`every number from ${least} to ${most} is in use`)
}
