import { tlsSettings, type Clock, type ProcessOptions } from '@metallb-ts/runtime'
import { startHealthServer, type HealthServer, type ServedTls } from '@metallb-ts/runtime/node'
import { createAccessReviewer, type Access } from '../access.ts'
import type { KubeClient } from '../client.ts'
import { givenCertificate } from './given-certificate.ts'
import { issueCertificate } from './webhook/certificate.ts'

export interface MetricsParts {
  readonly metrics: { readonly contentType: string; page(): Promise<string> }
  readonly client: KubeClient
  readonly clock: Clock
  /** Told in a sentence when a given certificate cannot be served, or has expired. */
  readonly onTrouble: (sentence: string) => void
}

/** Serves `/metrics` as the options ask: over HTTPS and to whom the API server lets read it, or openly. */
export async function serveMetrics(
  options: ProcessOptions,
  { metrics, client, clock, onTrouble }: MetricsParts,
): Promise<HealthServer | undefined> {
  if (options.metricsPort === 0) return undefined
  const common = {
    port: options.metricsPort,
    healthy: () => [],
    ready: () => [],
    pages: { '/metrics': async () => ({ contentType: metrics.contentType, body: await metrics.page() }) },
  }
  if (options.metricsAreOpen) return startHealthServer(common)
  const reviewer = createAccessReviewer({ client, clock })
  const folder = options.metricsCertificateFolder
  const own = await ownCertificate()
  const pair = folder === '' ? () => own : givenCertificate(folder, own, () => clock.wallTime(), onTrouble)
  return startHealthServer({
    ...common,
    tls: () => ({ ...tlsSettings(options), ...pair() }),
    admit: async ({ path, authorization }) => STATUS[await reviewer.mayGet(authorization, path)],
  })
}

const STATUS: Readonly<Record<Access, number>> = { allowed: 200, unauthenticated: 401, forbidden: 403, unknown: 503 }
const DAY_MS = 86_400_000
const OWN_DAYS = 3_650 // nobody can check it, so nothing is won by a shorter time

function ownCertificate(): Promise<Pick<ServedTls, 'cert' | 'key'>> {
  const now = Date.now()
  const times = { notBefore: now - DAY_MS, notAfter: now + OWN_DAYS * DAY_MS }
  return issueCertificate({ commonName: 'metallb-metrics', names: ['localhost'], ...times })
}
