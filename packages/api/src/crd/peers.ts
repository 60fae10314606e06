import type { ResourceDefinition } from './definition.ts'
import {
  flag,
  integer,
  labelSelector,
  labelSelectors,
  list,
  object,
  rules,
  text,
  texts,
  type Schema,
} from './schema.ts'

const ASN = { format: 'int32', minimum: 0, maximum: 4_294_967_295 } as const
const ASN64 = { ...ASN, format: 'int64' } as const

/** What both versions have in common. */
const SHARED: Readonly<Record<string, Schema>> = {
  myASN: integer('Our AS number.', ASN64),
  peerASN: integer('AS number of the router.', ASN64),
  peerAddress: text('Address of the router.'),
  sourceAddress: text('Address of ours to dial from.'),
  holdTime: text('Hold time proposed, as a duration such as 90s.'),
  keepaliveTime: text('Time between KEEPALIVEs, as a duration.'),
  routerID: text('BGP identifier; by default one of the node’s addresses.'),
  password: text('TCP MD5 password.'),
  bfdProfile: text('Name of a BFDProfile; empty for no BFD.'),
  ebgpMultiHop: flag('Whether the router may be several hops away.'),
}

const COLUMNS = [
  { name: 'Address', type: 'string', jsonPath: '.spec.peerAddress' },
  { name: 'ASN', type: 'string', jsonPath: '.spec.peerASN' },
  { name: 'BFD Profile', type: 'string', jsonPath: '.spec.bfdProfile' },
  { name: 'Multi Hops', type: 'string', jsonPath: '.spec.ebgpMultiHop' },
] as const

export const BGP_PEER: ResourceDefinition = {
  kind: 'BGPPeer',
  plural: 'bgppeers',
  description: 'A router that the speakers open a BGP session with.',
  versions: [
    {
      name: 'v1beta1',
      storage: false,
      deprecationWarning: 'v1beta1 is deprecated, please use v1beta2',
      spec: object(
        'The router, and the session with it.',
        {
          ...SHARED,
          peerPort: integer('Port of the router.', { minimum: 0, maximum: 16_384 }),
          nodeSelectors: list('Nodes that open the session; any of them. None means every node.', oldNodeSelector()),
        },
        { required: ['myASN', 'peerASN', 'peerAddress'] },
      ),
      status: object('Nothing.', {}),
      columns: COLUMNS,
    },
    {
      name: 'v1beta2',
      storage: true,
      spec: object(
        'The router, and the session with it.',
        {
          ...SHARED,
          dynamicASN: text('internal or external: take the AS number that the router names.', {
            enum: ['internal', 'external'],
          }),
          localASN: integer('AS number shown to this router in place of ours.', { ...ASN64, minimum: 1 }),
          interface: text('Interface on which the router is found by its link-local address.'),
          peerPort: integer('Port of the router.', { minimum: 1, maximum: 16_384, default: 179 }),
          connectTime: text('Time between attempts to connect, as a duration.', {
            ...rules(
              {
                rule: 'duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535',
                message: 'connect time should be between 1 seconds to 65535',
              },
              {
                rule: 'duration(self).getMilliseconds() % 1000 == 0',
                message: 'connect time should contain a whole number of seconds',
              },
            ),
          }),
          nodeSelectors: labelSelectors('Nodes that open the session; any of them. None means every node.'),
          passwordSecret: object(
            'Secret of type kubernetes.io/basic-auth that holds the TCP MD5 password.',
            { name: text('Name of the Secret.'), namespace: text('Not read: the Secret is in our namespace.') },
            { 'x-kubernetes-map-type': 'atomic' },
          ),
          enableGracefulRestart: flag('Whether routes stay while a speaker restarts.', {
            ...rules({
              rule: 'self == oldSelf',
              message: 'EnableGracefulRestart cannot be changed after creation',
            }),
          }),
          vrf: text('VRF device of the session.'),
          disableMP: flag('Deprecated, no effect.', { default: false }),
          dualStackAddressFamily: flag('Whether one session carries both families.', { default: false }),
        },
        { required: ['myASN'] },
      ),
      status: object('Nothing.', {}),
      columns: COLUMNS,
    },
  ],
}

function oldNodeSelector(): Schema {
  return object('Selects nodes by label.', {
    matchLabels: labelSelector().properties!['matchLabels']!,
    matchExpressions: list(
      'Requirements on labels, all of which hold.',
      object(
        'One requirement.',
        { key: text('The label.'), operator: text('The relation.'), values: texts('Values.', { minItems: 1 }) },
        { required: ['key', 'operator', 'values'] },
      ),
    ),
  })
}
