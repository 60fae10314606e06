export {
  CONVERSION_PATH,
  conversionWebhook,
  convertPeer,
  NEWER_FIELDS_ANNOTATION,
  type ConversionWebhook,
} from './conversion.ts'
export { crds, RESOURCES } from './crd/index.ts'
export {
  type CustomResourceDefinition,
  type PrinterColumn,
  type ResourceDefinition,
  type ResourceVersion,
} from './crd/definition.ts'
export { type Rule, type Schema } from './crd/schema.ts'
export {
  type Condition,
  type Endpoint,
  type EndpointSlice,
  type KubeObject,
  type LabelSelector,
  type LabelSelectorRequirement,
  type LoadBalancerIngress,
  type Namespace,
  type Node,
  type ObjectMeta,
  type OwnerReference,
  type Secret,
  type Service,
  type ServicePort,
  type ServiceSpec,
} from './kubernetes.ts'
export {
  GROUP,
  type BFDProfile,
  type BGPAdvertisement,
  type BGPPeer,
  type BGPSessionState,
  type Community,
  type ConfigurationState,
  type IPAddressPool,
  type L2Advertisement,
  type PoolCounters,
  type ServiceAllocation,
  type ServiceBGPStatus,
  type ServiceL2Status,
} from './metallb.ts'
export {
  annotation,
  ANNOTATION_PREFIX,
  ANNOTATIONS,
  DRAIN_KEY,
  EXCLUDE_NODE_LABEL,
  LEGACY_ANNOTATION_PREFIX,
  POOL_ANNOTATION,
  SERVICE_NAME_LABEL,
  TAKEN,
} from './names.ts'
export {
  BFD_PROFILES,
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  BGP_SESSION_STATES,
  COMMUNITIES,
  CONFIGURATION_STATES,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
  SERVICE_BGP_STATUSES,
  SERVICE_L2_STATUSES,
} from './resources.ts'
