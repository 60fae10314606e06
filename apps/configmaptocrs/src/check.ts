import { explainProblem, readConfig, type ConfigResources } from '@metallb-ts/policy'
import type { Resource } from './convert.ts'

/** What controller and speakers would say of these resources. */
export function problemsOf(resources: readonly Resource[]): readonly string[] {
  const of = (kind: string): readonly Resource[] => resources.filter(resource => resource.kind === kind)
  const config = {
    pools: of('IPAddressPool'),
    l2Advertisements: of('L2Advertisement'),
    bgpAdvertisements: of('BGPAdvertisement'),
    peers: of('BGPPeer'),
    bfdProfiles: of('BFDProfile'),
    communities: of('Community'),
    namespaces: [],
    nodes: [],
    secrets: [],
  }
  return readConfig(config as unknown as ConfigResources).problems.map(explainProblem)
}
