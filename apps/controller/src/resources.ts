import { GROUP } from '@metallb-ts/api'
import type { Resource } from '@metallb-ts/k8s-watch'

export const POOLS: Resource = ours('ipaddresspools', 'IPAddressPool')
export const COMMUNITIES: Resource = ours('communities', 'Community')
export const CONFIGURATION_STATES: Resource = ours('configurationstates', 'ConfigurationState')
export const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
}

function ours(plural: string, kind: string): Resource {
  return { group: GROUP, version: 'v1beta1', plural, kind, namespaced: true }
}
