import type { PrinterColumn, ResourceDefinition } from './definition.ts'
import { IMMUTABLE } from './pools.ts'
import { conditions, list, object, text, texts, type Schema } from './schema.ts'

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
        bfd: list(
          'Of the peers whose path BFD watches.',
          object('One session.', {
            peer: text('Name of the BGPPeer.'),
            state: text('admin-down, down, init or up.'),
            seen: text('Where it is not up, what its detector saw last.'),
          }),
        ),
      }),
      columns: columns('Node'),
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
