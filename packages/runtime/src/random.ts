/** Chance as every part of the house takes it, so that a seed can replay it. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
}

/** `ms` moved by up to ±`fraction` of itself: `jittered(random, 1000, 0.25)` lies in [750, 1250). */
export function jittered(random: Random, ms: number, fraction: number): number {
  return fraction === 0 ? ms : ms * (1 - fraction + 2 * fraction * random.next())
}

/** Uniform integer in [0, bound). */
export function randomInteger(random: Random, bound: number): number {
  return Math.floor(random.next() * bound)
}
