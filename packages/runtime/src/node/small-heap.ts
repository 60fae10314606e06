import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 collect garbage before its heap grows large, in place of letting it grow to twice and more of what lives. For the
 * whole process, from now on: call it before anything is read. Costs some processor where much is read and thrown away.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--optimize-for-size')
}
