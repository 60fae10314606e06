/**
 * The name of an object that is the same whenever it is made, so that one whose answer was lost is found again, not made
 * twice. @param shown what a person reads in it, cut where it is too long @param unique what tells it from all others
 */
export async function stableName(shown: readonly string[], unique: readonly string[]): Promise<string> {
  const text = new TextEncoder().encode(unique.join('/'))
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  const digest = [...bytes.subarray(0, 6)].map(byte => byte.toString(16).padStart(2, '0')).join('')
  const most = Math.floor((MOST_NAME - digest.length) / shown.length) - 1
  return [...shown.map(part => part.slice(0, most).replace(/[.-]+$/, '')), digest].join('-')
}

const MOST_NAME = 253 // RFC 1123 as Kubernetes has it
