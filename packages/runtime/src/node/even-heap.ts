import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 collect garbage each time the heap has grown by a tenth, and move little as it does: a heap that stays small, in
 * short standstills. `keepHeapSmall` moves all that it can each time, and stands still for twice as long and longer. What
 * lives stays scattered until `compactHeap`. For the whole process, from now on.
 */
export function growHeapSlowly(): void {
  setFlagsFromString('--heap-growing-percent=10')
}

/**
 * Has V8 bring together what lives, up to 12 MB in each of the collections to come: for a time of rest. What it answers ends
 * that; collections then move little again.
 */
export function compactHeap(): () => void {
  setFlagsFromString('--memory-reducer-gc-count=6')
  setFlagsFromString('--optimize-for-size')
  return () => setFlagsFromString('--no-optimize-for-size')
}
