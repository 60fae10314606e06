import { CUSTOM_RESOURCE_DEFINITIONS, type KubeObject, type Resource } from '../../resource.ts'

/** An object by which API servers know whom to trust when they ask a webhook. */
export interface AuthorityPlace {
  readonly resource: Resource
  readonly name: string
  /** The object with this authority in it; undefined where nothing of it asks a webhook. */
  withAuthority(object: KubeObject, caBundle: string): KubeObject | undefined
}

/** Every webhook of a ValidatingWebhookConfiguration. */
export function validatingWebhooks(name: string): AuthorityPlace {
  return {
    resource: {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      plural: 'validatingwebhookconfigurations',
      kind: 'ValidatingWebhookConfiguration',
      namespaced: false,
    },
    name,
    withAuthority: (object, caBundle) => {
      const { webhooks = [] } = object as WebhookConfiguration
      return { ...object, webhooks: webhooks.map(hook => trusting(hook, caBundle)) } as KubeObject
    },
  }
}

/** The webhook that converts the objects of a CustomResourceDefinition, where its strategy is one. */
export function convertedDefinition(name: string): AuthorityPlace {
  return {
    resource: CUSTOM_RESOURCE_DEFINITIONS,
    name,
    withAuthority: (object, caBundle) => {
      const { spec } = object as Definition
      const { webhook } = spec.conversion ?? {}
      if (webhook === undefined) return undefined
      return {
        ...object,
        spec: { ...spec, conversion: { ...spec.conversion, webhook: trusting(webhook, caBundle) } },
      } as KubeObject
    },
  }
}

interface Asked {
  readonly clientConfig: { readonly caBundle?: string }
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly Asked[]
}

interface Definition extends KubeObject {
  readonly spec: { readonly conversion?: { readonly webhook?: Asked } }
}

function trusting<T extends Asked>(asked: T, caBundle: string): T {
  return { ...asked, clientConfig: { ...asked.clientConfig, caBundle } }
}
