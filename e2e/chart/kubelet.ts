import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIG_MAPS, PODS, SECRETS, type KubeObject } from '@metallb-ts/k8s-watch'
import { eventually, LAN, nodeHost, PROGRAM_FLAGS, SYSTEM, type Lab, type NodeName } from '@metallb-ts/lab'
import { ROOT } from '@metallb-ts/tools/run'
import { environment } from './running.ts'
import { containerOf, podOf, type Container } from './support.ts'
import type { Rendered } from '@metallb-ts/tools/chart/helm'

export type Component = 'controller' | 'speaker'

/** Root file systems of images by program, or what this repository's sources are run from. */
export type Programs = 'source' | Readonly<Record<Component, string>>

/**
 * Runs what the chart renders, as a kubelet does: a container with the arguments, environment, volumes and service account
 * of its pod, a root that cannot be written to, and the capabilities that the pod has and no others.
 */
export class Kubelet {
  readonly #lab: Lab
  readonly #objects: readonly Rendered[]
  readonly #programs: Programs

  constructor(lab: Lab, objects: readonly Rendered[], programs: Programs) {
    this.#lab = lab
    this.#objects = objects
    this.#programs = programs
  }

  async runController(): Promise<void> {
    await this.#run('controller', 'controller', this.#lab.spaces.control, { ip: '127.0.0.1', node: 'control' })
  }

  /** Waits for its Secret, as every pod does whose volume is not there yet. */
  async runSpeaker(node: NodeName): Promise<void> {
    await this.#run('speaker', `speaker-${node}`, this.#lab.spaces.node(node), { ip: LAN.ipv4(nodeHost(node)), node })
  }

  async #run(component: Component, name: string, space: string, place: Place): Promise<void> {
    const container = containerOf(this.#objects, component)
    const pod = podOf(this.#objects, component)
    const folder = mkdtempSync(join(this.#lab.folder, `${name}-`))
    await this.#createPod(component, name, place)
    const volumes = await Promise.all(
      (container.volumeMounts ?? []).map(async ({ name, mountPath }) => {
        const from = join(folder, name)
        await this.#fill(volumeOf(pod, name), from)
        return ['--ro-bind', from, mountPath]
      }),
    )
    const account = join(folder, 'account')
    await this.#fillAccount(pod['serviceAccountName'] as string, account)
    const server = new URL(this.#server())
    const env = {
      ...environment(container.env, {
        'metadata.name': name,
        'metadata.namespace': SYSTEM,
        'spec.nodeName': place.node,
        'status.podIP': place.ip,
      }),
      KUBERNETES_SERVICE_HOST: server.hostname,
      KUBERNETES_SERVICE_PORT: server.port,
    }
    const inside = [...volumes.flat(), '--ro-bind', account, ACCOUNT_PATH]
    const args = [
      ...this.#rootOf(component),
      ...inside,
      ...['--proc', '/proc', '--dev', '/dev', '--remount-ro', '/', '--die-with-parent', '--clearenv'],
      ...Object.entries({ ...this.#environmentOf(component), ...env }).flatMap(pair => ['--setenv', ...pair]),
      ...privileges(container, pod),
      ...this.#commandOf(component),
      ...container.args,
    ]
    this.#lab.processes.start(space, name, 'bwrap', args)
  }

  /** The image's own files and no others, or those of this machine that a program from source needs. */
  #rootOf(component: Component): readonly string[] {
    if (this.#programs === 'source')
      return ['/usr', '/lib', '/lib64', '/bin', ROOT].flatMap(path => ['--ro-bind', path, path])
    const root = this.#programs[component]
    const entries = readdirSync(root).flatMap(name =>
      MOUNTED_INTO.has(name) ? readdirSync(join(root, name)).map(file => join(name, file)) : [name],
    )
    return entries.flatMap(entry => ['--ro-bind', join(root, entry), `/${entry}`])
  }

  #commandOf(component: Component): readonly string[] {
    if (this.#programs !== 'source') return [`/${component}`]
    return [process.execPath, ...PROGRAM_FLAGS, join(ROOT, 'apps', component, 'src/main.ts')]
  }

  /** Of the image: its Containerfile's. */
  #environmentOf(component: Component): Readonly<Record<string, string>> {
    return this.#programs === 'source' ? {} : { NODE_COMPILE_CACHE: `/app/${component}/compiled` }
  }

  #server(): string {
    const { clusters } = JSON.parse(readFileSync(this.#lab.kubeconfig, 'utf8')) as Kubeconfig
    return clusters[0].cluster.server
  }

  async #createPod(component: Component, name: string, { node }: Place): Promise<void> {
    const { template } = this.#objects.find(({ kind }) => kind === OWNERS[component])!['spec'] as { template: Rendered }
    await this.#lab.cluster.apply(PODS, {
      metadata: { ...template.metadata, name, namespace: SYSTEM },
      spec: { ...(template['spec'] as object), nodeName: node },
    })
  }

  async #fillAccount(name: string, folder: string): Promise<void> {
    const { client } = this.#lab.cluster
    const response = await client.transport.request({
      method: 'POST',
      path: `/api/v1/namespaces/${SYSTEM}/serviceaccounts/${name}/token`,
      body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
      headers: { 'content-type': 'application/json' },
    })
    const { status } = JSON.parse(await response.text()) as { status: { token: string } }
    const { clusters } = JSON.parse(readFileSync(this.#lab.kubeconfig, 'utf8')) as Kubeconfig
    write(folder, {
      token: Buffer.from(status.token),
      'ca.crt': readFileSync(clusters[0].cluster['certificate-authority']),
      namespace: Buffer.from(SYSTEM),
    })
  }

  async #fill({ secret, configMap }: Volume, folder: string): Promise<void> {
    const { client } = this.#lab.cluster
    if (secret !== undefined) {
      const { data } = await eventually(`the Secret ${secret.secretName}`, () =>
        client.get<KubeObject & { data: Record<string, string> }>(SECRETS, `${SYSTEM}/${secret.secretName}`),
      )
      write(folder, Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')])))
    } else if (configMap !== undefined) {
      const found = client.get<KubeObject & { data: Record<string, string> }>(
        CONFIG_MAPS,
        `${SYSTEM}/${configMap.name}`,
      )
      const { data } = configMap.optional === true ? await found.catch(() => NOTHING) : await found
      write(folder, Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])))
    }
  }
}

/** bwrap takes every privilege away that is not named: new ones cannot be gained, files of other users do not matter. */
function privileges({ securityContext }: Container, pod: { readonly [field: string]: unknown }): readonly string[] {
  const { capabilities } = securityContext as { capabilities: { add?: readonly string[] } }
  const { runAsUser } = (pod['securityContext'] ?? {}) as { runAsUser?: number }
  const user = String(runAsUser ?? 0)
  return [
    ...(user === '0' ? [] : ['--unshare-user', '--uid', user, '--gid', user]),
    ...['--unshare-pid', '--unshare-ipc', '--cap-drop', 'ALL'],
    ...(capabilities.add ?? []).flatMap(name => ['--cap-add', `CAP_${name}`]),
  ]
}

/** Folders of an image in which a pod has mounts. */
const MOUNTED_INTO: ReadonlySet<string> = new Set(['etc', 'var'])

const ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const OWNERS: Readonly<Record<Component, string>> = { controller: 'Deployment', speaker: 'DaemonSet' }

interface Place {
  readonly ip: string
  readonly node: string
}

/** Of a ConfigMap that may be missing. */
const NOTHING: { readonly data: Readonly<Record<string, string>> } = { data: {} }

interface Volume {
  readonly name: string
  readonly secret?: { readonly secretName: string }
  readonly configMap?: { readonly name: string; readonly optional?: boolean }
}

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority': string } },
  ]
}

function volumeOf(pod: { readonly [field: string]: unknown }, name: string): Volume {
  return (pod['volumes'] as readonly Volume[]).find(volume => volume.name === name)!
}

function write(folder: string, files: Readonly<Record<string, Buffer>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
}
