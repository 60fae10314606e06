import { createHash } from 'node:crypto'

/**
 * The name of an object that is the same whenever it is made, so that one whose answer was lost is found again, not made
 * twice. @param shown what a person reads in it, cut where it is too long @param unique what tells it from all others
 */
export function stableName(shown: readonly string[], unique: readonly string[]): string {
  const digest = createHash('sha256').update(unique.join('/')).digest('hex').slice(0, DIGITS)
  const most = Math.floor((MOST_NAME - digest.length) / shown.length) - 1
  return [...shown.map(part => part.slice(0, most).replace(/[.-]+$/, '')), digest].join('-')
}

const DIGITS = 12
const MOST_NAME = 253 // RFC 1123 as Kubernetes has it
