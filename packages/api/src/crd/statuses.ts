import type { PrinterColumn, ResourceDefinition } from './definition.ts'
import { IMMUTABLE } from './pools.ts'
import { conditions, flag, integer, list, object, text, texts, type Schema } from './schema.ts'

const WHO: Readonly<Record<string, Schema>> = {
  node: text('The node that announces.', IMMUTABLE),
  serviceName: text('Name of the Service.', IMMUTABLE),
  serviceNamespace: text('Namespace of the Service.', IMMUTABLE),
}

const columns = (node: string): readonly PrinterColumn[] => [
  { name: node, type: 'string', jsonPath: '.status.node' },
  { name: 'Service Name', type: 'string', jsonPath: '.status.serviceName' },
  { name: 'Service Namespace', type: 'string', jsonPath: '.status.serviceNamespace' },
]

export const SERVICE_L2_STATUS: ResourceDefinition = {
  kind: 'ServiceL2Status',
  plural: 'servicel2statuses',
  description: 'Which node answers for a Service at layer 2.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('Nothing.', {}),
      status: object('What the node does.', {
        ...WHO,
        interfaces: list(
          'Interfaces that answer; empty means all.',
          object('One interface.', { name: text('Its name.') }),
        ),
      }),
      columns: columns('Allocated Node'),
    },
  ],
}

export const SERVICE_BGP_STATUS: ResourceDefinition = {
  kind: 'ServiceBGPStatus',
  plural: 'servicebgpstatuses',
  description: 'To which routers a node announces a Service.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('Nothing.', {}),
      status: object('What the node does.', {
        ...WHO,
        peers: texts('Names of BGPPeer objects.'),
      }),
      columns: columns('Node'),
    },
  ],
}

const NUMBER = { format: 'int64', minimum: 0 }

export const BGP_SESSION_STATE: ResourceDefinition = {
  kind: 'BGPSessionState',
  plural: 'bgpsessionstates',
  description: 'One BGP session of one node.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      spec: object('Nothing.', {}),
      status: object('What became of the session.', {
        bgpStatus: text('Established; Active while it is tried; Idle while the router is not known.'),
        bfdStatus: text('State of the path that BFD watches; N/A where it watches none.'),
        bfdSeen: text('Where the path is not up: what its detector saw last.', { maxLength: 1024 }),
        node: text('The node.', IMMUTABLE),
        peer: text('Name of the BGPPeer.', IMMUTABLE),
        vrf: text('The VRF, or the device, that the session is bound to.'),
        address: text('Address of the router.'),
        interface: text('Interface on which the router is looked for.'),
        since: text('When it was established, or began to be tried.', { format: 'date-time' }),
        lastError: text('Why the last attempt or session ended.', { maxLength: 1024 }),
        negotiated: object('What both sides agreed on.', {
          peerASN: integer('AS number of the router.', NUMBER),
          peerRouterID: text('BGP identifier of the router.'),
          kind: text('internal or external.', { enum: ['internal', 'external'] }),
          holdTimeSeconds: integer('0 means none.', NUMBER),
          keepaliveTimeSeconds: integer('0 means none.', NUMBER),
          families: texts('Address families carried.', { 'x-kubernetes-list-type': 'atomic' }),
          gracefulRestart: flag('The router keeps our routes over a restart of ours.'),
        }),
        prefixes: object('What the router is told.', {
          desired: integer('Prefixes that it should know.', NUMBER),
          advertised: integer('Prefixes that it was told.', NUMBER),
          heldBack: texts('Why some were not told.', { 'x-kubernetes-list-type': 'atomic' }),
        }),
      }),
      columns: [
        { name: 'Node', type: 'string', jsonPath: '.status.node' },
        { name: 'Peer', type: 'string', jsonPath: '.status.peer' },
        { name: 'BGP', type: 'string', jsonPath: '.status.bgpStatus' },
        { name: 'BFD', type: 'string', jsonPath: '.status.bfdStatus' },
        { name: 'Since', type: 'date', jsonPath: '.status.since' },
        { name: 'Prefixes', type: 'integer', jsonPath: '.status.prefixes.advertised' },
        { name: 'Last Error', type: 'string', jsonPath: '.status.lastError', priority: 10 },
      ],
    },
  ],
}

export const CONFIGURATION_STATE: ResourceDefinition = {
  kind: 'ConfigurationState',
  plural: 'configurationstates',
  description: 'Whether a process could use the whole configuration.',
  versions: [
    {
      name: 'v1beta1',
      storage: true,
      status: object('What the process found.', {
        result: text('Valid, Invalid or Unknown.', { enum: ['Valid', 'Invalid', 'Unknown'] }),
        errorSummary: text('Every problem, a line each.'),
        conditions: conditions(),
      }),
      columns: [
        { name: 'Result', type: 'string', jsonPath: '.status.result' },
        { name: 'ErrorSummary', type: 'string', jsonPath: '.status.errorSummary' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
    },
  ],
}
