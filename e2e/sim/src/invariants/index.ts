import { oneBadUpdateCostsItsRoutes } from './bad-updates.ts'
import { everythingIsBounded } from './bounds.ts'
import { everythingComesRight } from './convergence.ts'
import type { Invariant } from './invariant.ts'
import { noAddressIsAssignedTwice } from './no-address-twice.ts'
import { nothingIsDecidedUnread } from './nothing-unread.ts'
import { oneCandidateOwnsAnAddress } from './one-owner.ts'
import { onlyAddressesOfServicesAreAnnounced } from './only-addresses-of-services.ts'
import { restartingMovesNothing } from './restarts-move-nothing.ts'
import { theTableAnswersFirst } from './table-before-network.ts'
import { withdrawingComesFirst } from './withdraw-before-stop.ts'

/** The invariants of ARCHITECTURE.md in its order, but for the last, which takes two runs; and what they are worth together. */
export const INVARIANTS: readonly Invariant[] = [
  noAddressIsAssignedTwice,
  onlyAddressesOfServicesAreAnnounced,
  oneCandidateOwnsAnAddress,
  theTableAnswersFirst,
  withdrawingComesFirst,
  nothingIsDecidedUnread,
  oneBadUpdateCostsItsRoutes,
  restartingMovesNothing,
  everythingIsBounded,
  everythingComesRight,
]
