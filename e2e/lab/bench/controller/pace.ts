/** Services created one at a time, and how far apart. */
export const SINGLES = 200
export const SINGLE_EVERY_MS = 50
