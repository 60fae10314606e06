export { Allocator, type Assignment, type Ensured, type Move } from './allocator.ts'
export { explain, explainMove, explainRefusal, quotedList } from './explain.ts'
export { type AllocationFailure, type MoveReason, type PoolRefusal, type PoolVerdict } from './failure.ts'
export { type Pool } from './pool.ts'
export { type Quarantined } from './quarantine.ts'
export {
  type AllocationRequest,
  type Claim,
  type HolderKey,
  type Port,
  type RefusedPool,
  type Sharing,
  type Terms,
} from './request.ts'
export { type FamilyUsage, type PoolUsage } from './usage.ts'
