import type { Resource } from '@metallb-ts/k8s-watch'
import { GROUP } from './metallb.ts'

const ours = (plural: string, kind: string, version = 'v1beta1'): Resource => ({
  group: GROUP,
  version,
  plural,
  kind,
  namespaced: true,
})

/** Where the API server keeps our resources, in the version that we read. */
export const IP_ADDRESS_POOLS: Resource = ours('ipaddresspools', 'IPAddressPool')
export const L2_ADVERTISEMENTS: Resource = ours('l2advertisements', 'L2Advertisement')
export const BGP_ADVERTISEMENTS: Resource = ours('bgpadvertisements', 'BGPAdvertisement')
export const BGP_PEERS: Resource = ours('bgppeers', 'BGPPeer', 'v1beta2')
export const BFD_PROFILES: Resource = ours('bfdprofiles', 'BFDProfile')
export const COMMUNITIES: Resource = ours('communities', 'Community')
export const CONFIGURATION_STATES: Resource = ours('configurationstates', 'ConfigurationState')
export const SERVICE_L2_STATUSES: Resource = ours('servicel2statuses', 'ServiceL2Status')
export const SERVICE_BGP_STATUSES: Resource = ours('servicebgpstatuses', 'ServiceBGPStatus')
export const BGP_SESSION_STATES: Resource = ours('bgpsessionstates', 'BGPSessionState')
