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
