/**
 * The one flag that images start Node with. A small young generation: what a store keeps is copied out of it in small
 * pieces, so that nobody waits for long, and a third of the memory is saved (docs/benchmarks, informers).
 */
export const NODE_FLAG = '--max-semi-space-size=4'
