import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledPackage } from './bundled.ts'

/** A CycloneDX 1.6 document. */
export interface Sbom {
  readonly bomFormat: 'CycloneDX'
  readonly specVersion: '1.6'
  readonly version: 1
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
}

export interface Component {
  readonly type: 'application' | 'library' | 'platform'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly 'bom-ref': string
  readonly licenses?: readonly { readonly expression: string }[]
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[]
}

/**
 * What an image is made of: packages of npm, as the build wrote down, and packages of Debian, as dpkg or a distroless base
 * writes down.
 * @param root the image's root file system
 */
export function sbomOf(program: string, version: string, root: string): Sbom {
  const bundled = JSON.parse(readFileSync(join(root, 'app', program, 'packages.json'), 'utf8')) as BundledPackage[]
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: described('application', program, version, `pkg:oci/metallb-ts/${program}@${version}`) },
    components: [...bundled.map(npmComponent), ...debianPackages(root)],
  }
}

function npmComponent({ name, version, licence, integrity }: BundledPackage): Component {
  const [algorithm, hash = ''] = integrity.split('-')
  return {
    ...described('library', name, version, `pkg:npm/${name.replace('@', '%40')}@${version}`),
    licenses: [{ expression: licence }],
    ...(algorithm === 'sha512' && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }],
    }),
  }
}

function debianPackages(root: string): readonly Component[] {
  const folder = join(root, 'var/lib/dpkg/status.d')
  const whole = join(root, 'var/lib/dpkg/status')
  const texts = [
    ...(existsSync(folder) ? readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8')) : []),
    ...(existsSync(whole) ? readFileSync(whole, 'utf8').split('\n\n') : []),
  ]
  return texts.filter(text => text.trim() !== '').map(debianComponent)
}

function debianComponent(text: string): Component {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  const [name, version, arch] = [field('Package'), field('Version'), field('Architecture')]
  return described('library', name, version, `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}`)
}

function described(type: Component['type'], name: string, version: string, purl: string): Component {
  return { type, name, version, purl, 'bom-ref': purl }
}
