import type { ResourceDefinition } from './definition.ts'
import { integer, labelSelector, labelSelectors, list, object, rules, texts } from './schema.ts'

const POOL_SELECTION = {
  ipAddressPools: texts('Pools by name.'),
  ipAddressPoolSelectors: labelSelectors('Pools by label, added to those named. Neither means every pool.'),
}

export const L2_ADVERTISEMENT: ResourceDefinition = {
  kind: 'L2Advertisement',
  plural: 'l2advertisements',
  description: 'Announces the addresses of pools by ARP and NDP.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('Which pools, from which nodes and interfaces.', {
        ...POOL_SELECTION,
        nodeSelectors: labelSelectors('Nodes that may announce; any of them. None means every node.'),
        interfaces: texts('Interfaces that announce. None means all.'),
        serviceSelectors: labelSelectors('Services by label; any of them. None means every Service.'),
        preferredNodeSelectors: list(
          'Nodes preferred over others.',
          object(
            'A preference and its weight.',
            {
              weight: integer('Added to the score of a node that matches.', {
                format: 'int32',
                minimum: 1,
                maximum: 100,
              }),
              preference: labelSelector('The nodes; empty means all.'),
            },
            { required: ['weight', 'preference'] },
          ),
        ),
      }),
      status: object('Nothing.', {}),
      columns: [
        { name: 'IPAddressPools', type: 'string', jsonPath: '.spec.ipAddressPools' },
        { name: 'IPAddressPool Selectors', type: 'string', jsonPath: '.spec.ipAddressPoolSelectors' },
        { name: 'Interfaces', type: 'string', jsonPath: '.spec.interfaces' },
        { name: 'Node Selectors', type: 'string', jsonPath: '.spec.nodeSelectors', priority: 10 },
      ],
    },
  ],
}

export const BGP_ADVERTISEMENT: ResourceDefinition = {
  kind: 'BGPAdvertisement',
  plural: 'bgpadvertisements',
  description: 'Announces the addresses of pools by BGP.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object(
        'Which pools, to which peers, and with which attributes.',
        {
          ...POOL_SELECTION,
          aggregationLength: integer('Length of the IPv4 prefixes announced.', {
            format: 'int32',
            minimum: 1,
            default: 32,
          }),
          aggregationLengthV6: integer('Length of the IPv6 prefixes announced.', { format: 'int32', default: 128 }),
          localPref: integer('LOCAL_PREF on internal sessions.', { format: 'int32' }),
          communities: texts('`a:b`, `large:a:b:c`, or names given by Community objects.'),
          nodeSelectors: labelSelectors('Nodes that announce; any of them. None means every node.'),
          peers: texts('Names of BGPPeer objects. None means every peer.'),
          serviceSelectors: labelSelectors('Services by label; any of them. None means every Service.'),
        },
        rules({
          rule:
            '!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || ' +
            '((!has(self.aggregationLength) || self.aggregationLength == 32) && ' +
            '(!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))',
          message:
            'serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default ' +
            'aggregationLength (32) and aggregationLengthV6 (128)',
        }),
      ),
      status: object('Nothing.', {}),
      columns: [
        { name: 'IPAddressPools', type: 'string', jsonPath: '.spec.ipAddressPools' },
        { name: 'IPAddressPool Selectors', type: 'string', jsonPath: '.spec.ipAddressPoolSelectors' },
        { name: 'Peers', type: 'string', jsonPath: '.spec.peers' },
        { name: 'Node Selectors', type: 'string', jsonPath: '.spec.nodeSelectors', priority: 10 },
      ],
    },
  ],
}
