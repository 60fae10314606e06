import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IP_ADDRESS_POOLS, L2_ADVERTISEMENTS, type Service } from '@metallb-ts/api'
import { SERVICES } from '@metallb-ts/k8s-watch'
import { eventually, Lab, LAN_POOL, NODES, SYSTEM } from '@metallb-ts/lab'
import { CHART, renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { CONTROL_PLANE, findBinaries } from '@metallb-ts/tools/envtest'
import { findImages } from '@metallb-ts/tools/images/places'
import { ROOT, runTool } from '@metallb-ts/tools/run'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kubelet, type Programs } from './kubelet.ts'

const binaries = findBinaries([...CONTROL_PLANE, 'helm'])
// Images are older than the sources beside them: `make images`, which has just built them, says that they are meant.
const images = process.env['IMAGES'] === '1' ? findImages() : undefined
if (images?.ok === false) throw new Error(images.reason)
const programs: Programs = images?.roots ?? 'source'
const how = images === undefined ? 'from source' : 'from the images'

describe.skipIf(!binaries.ok)(`a cluster that Helm installs the chart into, ${how}`, () => {
  let lab: Lab
  let kubelet: Kubelet
  let objects: readonly Rendered[]
  let installedAt: number

  beforeAll(async () => {
    lab = await Lab.build({ api: 'real', routers: [], bare: true })
    objects = await renderChart()
    kubelet = new Kubelet(lab, objects, programs)
  })

  afterAll(async () => {
    for (const name of ['controller', 'speaker-n1']) {
      const text = lab?.processes.text(name)
      if (process.env['SHOW'] === '1') console.log(name, text)
    }
    await lab?.remove()
  })

  it('[row 109] from helm install to the first answer', async () => {
    installedAt = performance.now()
    await helm('install', 'metallb', CHART, `--namespace=${SYSTEM}`, '--create-namespace')
    const installedMs = performance.now() - installedAt
    await kubelet.runController()
    await Promise.all(NODES.map(node => kubelet.runSpeaker(node)))
    const { name, addresses } = LAN_POOL
    await lab.cluster.apply(IP_ADDRESS_POOLS, { metadata: { name, namespace: SYSTEM }, spec: { addresses } })
    await lab.cluster.apply(L2_ADVERTISEMENTS, { metadata: { name, namespace: SYSTEM } })
    await lab.cluster.service('web', { ipFamilyPolicy: 'RequireDualStack' })
    const assigned = await lab.cluster.addresses('web', 2)
    for (const address of assigned) {
      await eventually(`an answer from ${address}`, () => lab.clients.get('lan', address))
    }
    const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
    console.log(
      `helm install: ${seconds(installedMs)} s; first answers, IPv4 and IPv6, ${seconds(performance.now() - installedAt)} s after its beginning`,
    )
    expect(assigned).toHaveLength(2)
  })

  it('[row 109] every process has the rights it needs, and no capability but those of the chart', async () => {
    for (const name of ['controller', ...NODES.map(node => `speaker-${node}`)]) {
      expect(lab.processes.isRunning(name), name).toBe(true)
      expect(lab.processes.text(name)).not.toMatch(/forbidden|"level":"error"/i)
    }
    const has = async (space: string, program: string): Promise<string | undefined> => {
      const { output } = await runTool('ip', ['netns', 'pids', space])
      const pids = output.split('\n').filter(pid => pid !== '')
      const own = pids.find(pid => new RegExp(`^[^\0]*node\0.*${program}[^\0]*\0--port`, 's').test(commandLine(pid)))
      return own === undefined ? undefined : /CapEff:\s*(\w+)/.exec(readFileSync(`/proc/${own}/status`, 'utf8'))?.[1]
    }
    expect(await has(lab.spaces.control, 'controller')).toBe('0000000000000000')
    expect(await has(lab.spaces.node('n1'), 'speaker')).toBe('0000000000802000') // CAP_NET_RAW is bit 13, CAP_SYS_NICE bit 23
  })

  it('[row 109] helm upgrade to other values and helm rollback change no address', async () => {
    const ingress = async (): Promise<unknown> =>
      (await lab.cluster.client.get<Service>(SERVICES, 'default/web')).status?.loadBalancer
    const before = await ingress()
    await helm('upgrade', 'metallb', CHART, `--namespace=${SYSTEM}`, '--set=controller.replicas=2')
    expect(await ingress()).toEqual(before)
    await helm('rollback', 'metallb', '1', `--namespace=${SYSTEM}`)
    expect(await ingress()).toEqual(before)
    const [address = ''] = await lab.cluster.addresses('web', 2)
    await eventually(`an answer from ${address}`, () => lab.clients.get('lan', address))
  })

  it('[row 109] a second installation is refused, with what is there already', async () => {
    const second = helm('install', 'another', CHART, '--namespace=elsewhere', '--create-namespace')
    await expect(second).rejects.toThrow(/metallb in metallb-system/)
  })

  /** Where the API server can be reached. */
  async function helm(...args: readonly string[]): Promise<string> {
    const program = join(binaries.ok ? binaries.folder : '', 'helm')
    const all = ['netns', 'exec', lab.spaces.control, program, ...args, `--kubeconfig=${lab.kubeconfig}`]
    const { code, output } = await runTool('ip', all, { cwd: ROOT, env: { HOME: lab.folder } })
    if (code !== 0) throw new Error(output)
    return output
  }
})

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
