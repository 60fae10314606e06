import { BGP_ADVERTISEMENT, L2_ADVERTISEMENT } from './advertisements.ts'
import { customResourceDefinition, type CustomResourceDefinition, type ResourceDefinition } from './definition.ts'
import { BGP_PEER } from './peers.ts'
import { BFD_PROFILE, COMMUNITY, IP_ADDRESS_POOL } from './pools.ts'
import { BGP_SESSION_STATE, CONFIGURATION_STATE, SERVICE_BGP_STATUS, SERVICE_L2_STATUS } from './statuses.ts'

/** The resources of metallb.io: MetalLB's nine, and BGPSessionState. */
export const RESOURCES: readonly ResourceDefinition[] = [
  BFD_PROFILE,
  BGP_ADVERTISEMENT,
  BGP_PEER,
  BGP_SESSION_STATE,
  COMMUNITY,
  CONFIGURATION_STATE,
  IP_ADDRESS_POOL,
  L2_ADVERTISEMENT,
  SERVICE_BGP_STATUS,
  SERVICE_L2_STATUS,
]

/** The objects that make a cluster know our resources. */
export function crds(): readonly CustomResourceDefinition[] {
  return RESOURCES.map(customResourceDefinition)
}
