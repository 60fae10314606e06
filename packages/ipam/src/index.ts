export { Allocator, type Assignment, type Ensured, type MoveReason } from './allocator.ts'
export {
  explain,
  explainRefusal,
  quotedList,
  type AllocationFailure,
  type PoolRefusal,
  type PoolVerdict,
} from './failure.ts'
export { type Pool } from './pool.ts'
export { type AllocationRequest, type HolderKey, type Port, type RefusedPool, type Sharing } from './request.ts'
export { type FamilyUsage, type PoolUsage } from './usage.ts'
