import { spawnSync } from 'node:child_process'
import { runTool } from '@metallb-ts/tools/run'
import { applyConfiguration, eventually, Lab, NODES } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { http, nextHops, soleOwner, startedLab } from './support.ts'

const CONTROLLER_HEALTH = 17_471
const SPEAKER_HEALTH = 17_472

describe('the processes', () => {
  let lab: Lab
  let address = ''

  beforeAll(async () => {
    lab = await startedLab(['bird'])
    await lab.cluster.service('web')
    ;[address = ''] = await lab.cluster.addresses('web')
  })

  afterAll(() => lab?.remove())

  it('[row 107] both say on their ports that they are healthy and ready', async () => {
    for (const [namespace, port] of [
      [lab.spaces.control, CONTROLLER_HEALTH],
      [lab.spaces.node('n1'), SPEAKER_HEALTH],
    ] as const) {
      for (const path of ['/healthz', '/readyz']) {
        await eventually(`${path} of port ${port}`, () => http(namespace, port, path).status === 200)
      }
    }
  })

  it('[row 96] a speaker’s metrics show its sessions and what it announces', async () => {
    await lab.processes.stop('speaker-n2')
    lab.startSpeaker('n2', ['--port=7472', '--metrics-plain-http'])
    const text = await eventually('a session in the metrics', () => {
      const { body } = http(lab.spaces.node('n2'), 7472, '/metrics')
      return /^metallb_bgp_session_up\{peer="10\.77\.0\.252:179",vrf="default"\} 1$/m.test(body) ? body : undefined
    })
    expect(text).toMatch(/^metallb_bgp_session_up\{peer="\[?fd77::fc\]?:179",vrf="default"\} [01]$/m)
    expect(text).toMatch(/^metallb_k8s_client_config_loaded_bool 1$/m)
    expect(text).toMatch(/^metallb_k8s_client_config_stale_bool 0$/m)
  })

  it('[row 98] the controller’s metrics show what the pools have given', async () => {
    await lab.processes.stop('controller')
    lab.startController(['--port=7472', '--metrics-plain-http'])
    await eventually('the pool in the metrics', () => {
      const { body } = http(lab.spaces.control, 7472, '/metrics')
      return /^metallb_allocator_addresses_in_use_total\{pool="lan"\} 1$/m.test(body)
    })
    const { body } = http(lab.spaces.control, 7472, '/metrics')
    expect(body).toMatch(/^metallb_allocator_addresses_total\{pool="lan"\} \d+$/m)
  })

  it('[row 108] every line of a log is JSON with its time, level and event', () => {
    const lines = lab.processes
      .text('speaker-n1')
      .split('\n')
      .filter(line => line !== '')
    expect(lines.length).toBeGreaterThan(3)
    for (const line of lines) {
      const entry = JSON.parse(line) as Record<string, unknown>
      expect(entry, line).toMatchObject({
        ts: expect.any(String),
        level: expect.any(String),
        event: expect.any(String),
      })
    }
  })

  it('[row 18] [row 19] a killed and restarted controller moves no address, whatever came and went meanwhile', async () => {
    const [second = ''] = await lab.cluster.service('second').then(() => lab.cluster.addresses('second'))
    lab.processes.kill('controller')
    await lab.cluster.removeService('web')
    await lab.cluster.service('third')
    lab.startController()
    const [third = ''] = await lab.cluster.addresses('third')
    expect(await lab.cluster.addresses('second')).toEqual([second])
    expect(third).toBe(address) // free again, so first in the pool
    expect(await soleOwner(lab, second)).toBeDefined()
  })

  it('both end with code 0 on SIGTERM', async () => {
    expect(await lab.processes.stop('controller')).toBe(0)
    for (const node of NODES) expect(await lab.processes.stop(`speaker-${node}`)).toBe(0)
  })
})

describe('two labs on one machine', () => {
  it('stand side by side and do not meet', async () => {
    const labs = await Promise.all([startedLab(['bird']), startedLab(['bird'])])
    try {
      for (const [i, lab] of labs.entries()) {
        await lab.cluster.service(
          'api',
          {},
          { annotations: { 'metallb.io/address-pool': 'routed' }, pods: [NODES[i]!] },
        )
        const [address = ''] = await lab.cluster.addresses('api')
        await nextHops(lab, 'bird', address, ['10.77.0.1', '10.77.0.2', '10.77.0.3'])
        const answer = await eventually('an answer', () => lab.clients.get('behind-bird', address))
        expect(answer.node).toBe(NODES[i])
      }
    } finally {
      await Promise.all(labs.map(lab => lab.remove()))
    }
    const left = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout
    for (const { id } of labs) expect(left).not.toContain(id)
  })
})

describe('the bundles', () => {
  it('are what the sources are: a Service is reached on the LAN and at a router', async () => {
    const build = await runTool('nx', ['run-many', '-t', 'build', '-p', '@metallb-ts/controller,@metallb-ts/speaker'])
    expect(build.code, build.output).toBe(0)
    const lab = await Lab.build({ api: 'embedded', routers: ['bird'], programs: 'bundle' })
    try {
      await applyConfiguration(lab.cluster, ['bird'])
      lab.startController()
      lab.startSpeakers()
      await lab.cluster.service('web', { ipFamilyPolicy: 'RequireDualStack' })
      for (const address of await lab.cluster.addresses('web', 2)) await soleOwner(lab, address)
      await lab.cluster.service('api', {}, { annotations: { 'metallb.io/address-pool': 'routed' } })
      const [address = ''] = await lab.cluster.addresses('api')
      await nextHops(lab, 'bird', address, ['10.77.0.1', '10.77.0.2', '10.77.0.3'])
    } finally {
      await lab.remove()
    }
  })
})
