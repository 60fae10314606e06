import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BFD_PROFILES,
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  COMMUNITIES,
  CONVERSION_PATH,
  convertPeer,
  GROUP,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
} from '@metallb-ts/api'
import { NAMESPACES, NODES, type KubeClient, type KubeObject, type Resource } from '@metallb-ts/k8s-watch'
import {
  convertedDefinition,
  createRotator,
  startWebhookServer,
  validatingWebhooks,
  type KeyPair,
  type Validator,
  type WebhookServer,
} from '@metallb-ts/k8s-watch/webhook'
import { judgeWrite, type ConfigKind, type ConfigResources } from '@metallb-ts/policy'
import { tlsSettings, type Clock, type Logger } from '@metallb-ts/runtime'
import type { ControllerOptions } from './options.ts'

export interface WebhookParts {
  readonly client: KubeClient
  readonly clock: Clock
  readonly logger: Logger
}

export type WebhooksInit = Pick<
  ControllerOptions,
  | 'certificateRotation'
  | 'certificateFolder'
  | 'certificateServiceName'
  | 'convertsPeers'
  | 'webhookSecret'
  | 'webhookPort'
> &
  Parameters<typeof tlsSettings>[0] & { readonly namespace: string }

export interface Webhooks {
  /** Why objects are not checked yet; empty when they are. */
  readonly troubles: readonly string[]
  stop(): Promise<void>
}

/** Checks custom resources before they are written, and converts BGPPeers, as MetalLB's webhooks do, at the same paths. */
export async function startWebhooks(parts: WebhookParts, init: WebhooksInit): Promise<Webhooks> {
  const { client, clock, logger } = parts
  const { namespace, webhookPort: port } = init
  let server: WebhookServer | undefined
  let starting: Promise<void> = Promise.resolve()

  const use = (certificate: KeyPair): void => {
    starting = starting
      .then(async () => {
        if (server !== undefined) return server.useCertificate(certificate)
        const tls = tlsSettings(init)
        const served = { validators: validators(client, namespace), converters: { [CONVERSION_PATH]: convertPeer } }
        server = await startWebhookServer({ clock, port, certificate, tls, ...served })
        logger.info('webhooks-served', { port: server.port })
      })
      .catch((error: unknown) => logger.error('webhooks-not-served', { error }))
  }

  if (!init.certificateRotation) {
    const read = (name: string): string => readFileSync(join(init.certificateFolder, name), 'utf8')
    use({ cert: read('tls.crt'), key: read('tls.key') })
    await starting
    return {
      troubles: [],
      stop: async () => server?.stop(),
    }
  }
  const rotator = createRotator(
    {
      client,
      clock,
      onCertificate: use,
      onRenewed: reason => logger.info('webhook-certificate-renewed', { reason }),
      onTrouble: sentence => logger.warn('webhooks-not-trusted', { sentence }),
    },
    {
      namespace,
      secret: init.webhookSecret,
      name: `${init.certificateServiceName}.${namespace}.svc`,
      organization: 'metallb',
      places: [
        validatingWebhooks('metallb-webhook-configuration'),
        ...(init.convertsPeers ? [convertedDefinition(`${BGP_PEERS.plural}.${GROUP}`)] : []),
      ],
    },
  )
  rotator.start()
  return {
    get troubles() {
      return rotator.trouble === undefined ? [] : [rotator.trouble]
    },
    stop: async () => {
      rotator.stop()
      await starting
      await server?.stop()
    },
  }
}

const CHECKED: Readonly<Record<ConfigKind, Resource>> = {
  IPAddressPool: IP_ADDRESS_POOLS,
  L2Advertisement: L2_ADVERTISEMENTS,
  BGPAdvertisement: BGP_ADVERTISEMENTS,
  BGPPeer: BGP_PEERS,
  BFDProfile: BFD_PROFILES,
  Community: COMMUNITIES,
}

function validators(client: KubeClient, namespace: string): Readonly<Record<string, Validator>> {
  return Object.fromEntries(
    (Object.entries(CHECKED) as [ConfigKind, Resource][]).map(([kind, { version }]) => [
      `/validate-metallb-io-${version}-${kind.toLowerCase()}`,
      async ({ operation, object, oldObject, name = '', namespace: where = '' }) => {
        if (operation === 'CONNECT') return { allowed: true }
        const written = (object ?? oldObject) as KubeObject
        const write = { kind, operation, namespace: where, name: name === '' ? written.metadata.name : name }
        const resources = await liveResources(client, namespace)
        return judgeWrite(object === null ? write : { ...write, object }, resources, namespace)
      },
    ]),
  )
}

/** Read at the moment of the question: a store may be a moment behind. */
async function liveResources(client: KubeClient, namespace: string): Promise<ConfigResources> {
  const own = async <T extends KubeObject>(resource: Resource): Promise<readonly T[]> =>
    (await client.list<T>(resource, { namespace })).items
  const [pools, l2Advertisements, bgpAdvertisements, peers, bfdProfiles, communities, namespaces, nodes] =
    await Promise.all([
      own(IP_ADDRESS_POOLS),
      own(L2_ADVERTISEMENTS),
      own(BGP_ADVERTISEMENTS),
      own(BGP_PEERS),
      own(BFD_PROFILES),
      own(COMMUNITIES),
      client.list(NAMESPACES).then(({ items }) => items),
      client.list(NODES).then(({ items }) => items),
    ])
  const all = { pools, l2Advertisements, bgpAdvertisements, peers, bfdProfiles, communities, namespaces, nodes }
  return { ...all, secrets: [] } as unknown as ConfigResources
}
