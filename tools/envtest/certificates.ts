import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  readonly folder: string
}

/** A CA, a server certificate for these addresses, and the key pair of service accounts, by openssl. */
export function makeCertificates(folder: string, addresses: readonly string[]): Certificates {
  mkdirSync(folder, { recursive: true })
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const names = [
    ...addresses.map(address => `IP:${address}`),
    'DNS:localhost',
    'DNS:kubernetes',
    'DNS:kubernetes.default.svc',
  ]
  writeFileSync(join(folder, 'names.cnf'), `subjectAltName=${names.join(',')}\n`)
  openssl('genrsa', '-out', 'sa.key', '2048')
  openssl('rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-days', '30', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=envtest-ca')
  openssl('req', ...key, '-keyout', 'apiserver.key', '-out', 'apiserver.csr', '-subj', '/CN=kube-apiserver')
  openssl(
    'x509',
    '-req',
    '-days',
    '30',
    '-in',
    'apiserver.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'apiserver.crt',
    '-extfile',
    'names.cnf',
  )
  return { folder }
}
