import { X509Certificate } from 'node:crypto'
import { belongTogether, issueCertificate, type KeyPair } from './certificate.ts'

/** An authority and what it issued, as the Secret of the webhooks keeps them. */
export interface WebhookCertificates {
  readonly authority: KeyPair
  readonly server: KeyPair
}

export interface CertificateNeeds {
  /** What the server certificate has to name: `<service>.<namespace>.svc`. */
  readonly name: string
  readonly organization: string
}

/** What has to be made anew, and why. */
export type Renewal = { readonly what: 'nothing' } | { readonly what: 'server' | 'everything'; readonly reason: string }

/** Certificates are renewed when they would not be valid any more in 90 days. */
export function renewalOf(
  { authority, server }: WebhookCertificates,
  { name }: CertificateNeeds,
  now: number,
): Renewal {
  const ca = read(authority.cert)
  const everything = (reason: string): Renewal => ({ what: 'everything', reason })
  const another = (reason: string): Renewal => ({ what: 'server', reason })
  if (ca === undefined || !belongTogether(authority)) return everything('there is no authority, or not its key')
  if (!ca.ca) return everything('what should be the authority may not issue certificates')
  if (!isValid(ca, now)) return everything(`the authority is valid until ${ca.validTo}`)
  const certificate = read(server.cert)
  if (certificate === undefined || !belongTogether(server)) return another('there is no certificate, or not its key')
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return another('another authority issued it')
  if (certificate.checkHost(name) === undefined) return another(`it does not name ${name}`)
  if (!isValid(certificate, now)) return another(`it is valid until ${certificate.validTo}`)
  return { what: 'nothing' }
}

/** Makes what the renewal asks for, with the names and times of MetalLB's. */
export async function renewed(
  { authority, server }: WebhookCertificates,
  what: Renewal['what'],
  { name, organization }: CertificateNeeds,
  now: number,
): Promise<WebhookCertificates> {
  if (what === 'nothing') return { authority, server }
  const notBefore = now - HOUR_MS
  const issuer =
    what === 'server'
      ? authority
      : await issueCertificate({
          commonName: 'cert',
          organization,
          names: ['cert'],
          notBefore,
          notAfter: now + AUTHORITY_DAYS * DAY_MS,
        })
  const names = [name]
  const times = { notBefore, notAfter: now + SERVER_DAYS * DAY_MS }
  return { authority: issuer, server: await issueCertificate({ commonName: name, names, issuer, ...times }) }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const LOOK_AHEAD_MS = 90 * DAY_MS
const AUTHORITY_DAYS = 3_650
const SERVER_DAYS = 365

function read(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert)
  } catch {
    return undefined
  }
}

function isValid({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && validToDate.getTime() > now + LOOK_AHEAD_MS
}
