import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { ServedTls } from '@metallb-ts/runtime/node'

type Pair = Pick<ServedTls, 'cert' | 'key'>

/**
 * What is served of a folder that somebody else fills, such as a mounted Secret: its pair as it is now, the last one that was
 * good while it is not, and another before there was one. What was given to watch a process never ends it.
 * @param instead served until the folder has a pair that can be
 * @param onTrouble told in a sentence what is wrong, whenever that becomes something else
 */
export function givenCertificate(
  folder: string,
  instead: Pair,
  now: () => number,
  onTrouble: (sentence: string) => void,
): () => Pair {
  let served = instead
  let said = ''
  const say = (sentence: string): void => {
    if (sentence !== said && sentence !== '') onTrouble(sentence)
    said = sentence
  }
  return () => {
    try {
      const pair = {
        cert: readFileSync(join(folder, 'tls.crt'), 'utf8'),
        key: readFileSync(join(folder, 'tls.key'), 'utf8'),
      }
      createSecureContext(pair)
      const { validToDate } = new X509Certificate(pair.cert)
      served = pair
      say(validToDate.getTime() < now() ? `the certificate in ${folder} has expired ${validToDate.toISOString()}` : '')
    } catch (error) {
      const what = served === instead ? 'one of our own' : 'the last good one'
      say(`the certificate in ${folder} cannot be served, ${what} is: ${(error as Error).message}`)
    }
    return served
  }
}
