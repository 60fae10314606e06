import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate for 127.0.0.1, good for a day, in files of this folder. */
export function loopbackCertificate(folder: string): {
  readonly cert: string
  readonly key: string
  readonly file: string
} {
  const [file, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=bench']
  const { status, stderr } = spawnSync(
    'openssl',
    [...request, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', file],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return { cert: readFileSync(file, 'utf8'), key: readFileSync(keyFile, 'utf8'), file }
}
