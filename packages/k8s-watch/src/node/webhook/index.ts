export { convertedDefinition, validatingWebhooks, type AuthorityPlace } from './authority-places.ts'
export { belongTogether, issueCertificate, type CertificateInit, type KeyPair } from './certificate.ts'
export {
  startWebhookServer,
  type AdmissionAnswer,
  type AdmissionRequest,
  type Converter,
  type Validator,
  type WebhookServer,
  type WebhookServerInit,
} from './server.ts'
export { renewalOf, renewed, type CertificateNeeds, type Renewal, type WebhookCertificates } from './rotation.ts'
export { createRotator, type Rotator, type RotatorInit, type RotatorParts } from './rotator.ts'
