import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { Cluster, eventually, NAMESPACE } from './cluster.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Spawned {
  readonly process: ChildProcess
  readonly lines: Record<string, unknown>[]
  readonly exit: Promise<number | null>
  errors(): string
}

function spawnController(args: readonly string[], env: Record<string, string> = {}): Spawned {
  const child = spawn(process.execPath, ['--conditions=development', MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...env },
  })
  const lines: Record<string, unknown>[] = []
  let [partial, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (partial + text).split('\n')
    partial = parts.pop()!
    for (const line of parts) lines.push(JSON.parse(line) as Record<string, unknown>)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve))
  cleanups.push(() => child.kill('SIGKILL'))
  return { process: child, lines, exit, errors: () => errors }
}

async function clusterWithConfig(): Promise<{ cluster: Cluster; kubeconfig: string }> {
  const cluster = await Cluster.start()
  const folder = mkdtempSync(join(tmpdir(), 'controller-test-'))
  cleanups.push(
    () => cluster.server.stop(),
    () => rmSync(folder, { recursive: true }),
  )
  const kubeconfig = join(folder, 'config')
  writeFileSync(kubeconfig, plainHttp(cluster.server.url))
  return { cluster, kubeconfig }
}

/** Plain HTTP is only taken from who says that TLS is not wanted. */
function plainHttp(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  })
}

async function page(port: number, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, text: await response.text() }
}

describe('the controller as a process', () => {
  test('starts, is ready when it works, shows metrics, logs JSON, stops clean on SIGTERM', async () => {
    const { cluster, kubeconfig } = await clusterWithConfig()
    cluster.pool('a', ['192.0.2.0/24'])
    cluster.service('web')
    const controller = spawnController([`--kubeconfig=${kubeconfig}`, '--health-probe-port=0', '--port=0'], {
      METALLB_NAMESPACE: NAMESPACE,
      METALLB_BGP_TYPE: 'frr-k8s',
    })
    await eventually(() => expect(controller.lines.map(({ event }) => event)).toContain('controller-listening'), 30_000)
    const { healthPort } = controller.lines.find(({ event }) => event === 'controller-listening') as {
      healthPort: number
    }
    expect(await page(healthPort, '/healthz')).toEqual({ status: 200, text: 'ok\n' })
    await eventually(() => expect(controller.lines.map(({ event }) => event)).toContain('controller-works'))
    expect(await page(healthPort, '/readyz')).toEqual({ status: 200, text: 'ok\n' })
    expect(cluster.addressesOf('web')).toEqual(['192.0.2.0'])
    const starting = controller.lines.find(({ event }) => event === 'controller-starting')
    expect(starting).toMatchObject({ level: 'info', namespace: NAMESPACE, withoutMeaning: ['METALLB_BGP_TYPE'] })
    controller.process.kill('SIGTERM')
    expect(await controller.exit).toBe(0)
    expect(controller.lines.at(-1)).toMatchObject({ event: 'controller-stopped' })
    expect(controller.errors()).toBe('')
  })

  test.each([
    [['--bogus=1'], 'unknown flag "--bogus=1"\n'],
    [['--port=many'], '--port: "many" must be a whole number from 0 to 65535\n'],
  ])('%j: one line, exit code 2', async (args, line) => {
    const controller = spawnController(args)
    expect(await controller.exit).toBe(2)
    expect(controller.errors()).toBe(line)
    expect(controller.lines).toEqual([])
  })

  test('a kubeconfig that is not there: one line that says so, exit code 1', async () => {
    const controller = spawnController(['--kubeconfig=missing.yaml'])
    expect(await controller.exit).toBe(1)
    expect(controller.lines.at(-1)).toMatchObject({ level: 'error', event: 'controller-cannot-start' })
  })
})
