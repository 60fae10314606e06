import type { ResourceDefinition } from './definition.ts'
import { flag, integer, labelSelectors, object, rules, text, texts } from './schema.ts'

export const IP_ADDRESS_POOL: ResourceDefinition = {
  kind: 'IPAddressPool',
  plural: 'ipaddresspools',
  description: 'Addresses that Services of type LoadBalancer may get.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      specRequired: true,
      spec: object(
        'What the pool holds and who may use it.',
        {
          addresses: texts('CIDR blocks and from-to ranges, allocated from in this order.'),
          autoAssign: flag('Whether Services get these addresses without asking for them.', { default: true }),
          avoidBuggyIPs: flag('Whether IPv4 addresses ending in .0 and .255 are left out.', { default: false }),
          serviceAllocation: object('Which Services may use the pool, and how early it is tried.', {
            priority: integer('Lower positive numbers are tried first; 0 comes last.'),
            namespaces: texts('Names of namespaces.'),
            namespaceSelectors: labelSelectors('Namespaces by label; any of them.'),
            serviceSelectors: labelSelectors('Services by label; any of them.'),
          }),
        },
        { required: ['addresses'] },
      ),
      status: object(
        'How full the pool is.',
        {
          assignedIPv4: integer('IPv4 addresses in use.', { format: 'int64' }),
          assignedIPv6: integer('IPv6 addresses in use.', { format: 'int64' }),
          availableIPv4: integer('IPv4 addresses free.', { format: 'int64' }),
          availableIPv6: integer('IPv6 addresses free.', { format: 'int64' }),
        },
        { required: ['assignedIPv4', 'assignedIPv6', 'availableIPv4', 'availableIPv6'] },
      ),
      columns: [
        { name: 'Auto Assign', type: 'boolean', jsonPath: '.spec.autoAssign' },
        { name: 'Avoid Buggy IPs', type: 'boolean', jsonPath: '.spec.avoidBuggyIPs' },
        { name: 'Addresses', type: 'string', jsonPath: '.spec.addresses' },
      ],
    },
  ],
}

export const COMMUNITY: ResourceDefinition = {
  kind: 'Community',
  plural: 'communities',
  description: 'Names for BGP communities.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('The names.', {
        communities: {
          type: 'array',
          description: 'One namespace of names over all objects of this kind.',
          items: object('A name and what it stands for.', {
            name: text('The name.'),
            value: text('`a:b`, or `large:a:b:c`.'),
          }),
        },
      }),
      status: object('Nothing.', {}),
      columns: [],
    },
  ],
}

export const BFD_PROFILE: ResourceDefinition = {
  kind: 'BFDProfile',
  plural: 'bfdprofiles',
  description: 'Timers of a BFD session (RFC 5880).',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('The timers.', {
        receiveInterval: integer('Milliseconds between packets we can take.', {
          format: 'int32',
          minimum: 10,
          maximum: 60_000,
        }),
        transmitInterval: integer('Milliseconds between packets we send.', {
          format: 'int32',
          minimum: 10,
          maximum: 60_000,
        }),
        detectMultiplier: integer('Packets that may be lost.', { format: 'int32', minimum: 2, maximum: 255 }),
        echoInterval: integer('Milliseconds between echo packets.', { format: 'int32', minimum: 10, maximum: 60_000 }),
        echoMode: flag('Whether echo packets are sent.'),
        passiveMode: flag('Whether we wait for the other side to begin.'),
        minimumTtl: integer('Least TTL of packets over several hops.', { format: 'int32', minimum: 1, maximum: 254 }),
      }),
      status: object('Nothing.', {}),
      columns: [
        { name: 'Passive Mode', type: 'boolean', jsonPath: '.spec.passiveMode' },
        { name: 'Transmit Interval', type: 'integer', jsonPath: '.spec.transmitInterval' },
        { name: 'Receive Interval', type: 'integer', jsonPath: '.spec.receiveInterval' },
        { name: 'Multiplier', type: 'integer', jsonPath: '.spec.detectMultiplier' },
      ],
    },
  ],
}

export const IMMUTABLE: ReturnType<typeof rules> = rules({ rule: 'self == oldSelf', message: 'Value is immutable' })
