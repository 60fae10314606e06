import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { eventually, Lab, pause, SYSTEM } from '@metallb-ts/lab'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const binaries = findBinaries()

/** What is promised of a standby: the bounds of waiting for it, not a measurement. */
const CLEAN_MS = 3_000
const KILLED_MS = 20_000
const STANDS_BY_MS = 3_000 // longer than it looks at the Lease apart

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

const POOLS = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: lan, namespace: ${SYSTEM} }
spec: { addresses: ['192.0.2.10-192.0.2.11', '2001:db8::/127'] }
`

const service = (name: string, more = ''): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  type: LoadBalancer
  selector: { app: ${name} }
  ports: [{ port: 80 }]
${more}
---`

describe.skipIf(!binaries.ok)(
  `the controller as its users drive it (${binaries.ok ? 'with kubectl' : binaries.reason})`,
  () => {
    let lab: Lab

    beforeAll(async () => {
      lab = await Lab.build({ api: 'real', routers: [] })
    })
    afterAll(() => lab?.remove())

    function kubectl(args: readonly string[], input?: string): string {
      const program = join(lab.binaries, 'kubectl')
      const { stdout, stderr, status } = spawnSync(
        'ip',
        ['netns', 'exec', lab.spaces.control, program, `--kubeconfig=${lab.kubeconfig}`, ...args],
        {
          encoding: 'utf8',
          input,
        },
      )
      if (status !== 0) throw new Error(stderr)
      return stdout
    }
    const apply = (text: string): string => kubectl(['apply', '-f', '-'], text)

    it('[row 1] [row 13] [row 24] apply pools and Services; get shows the addresses, describe the event and the condition', async () => {
      lab.startController()
      apply(POOLS)
      apply(service('web') + service('other', '  ipFamilies: [IPv6]'))
      await eventually('both addresses', () => {
        const shown = kubectl(['get', 'svc'])
        return (
          /web +LoadBalancer +\S+ +192\.0\.2\.10 /.test(shown) && /other +LoadBalancer +\S+ +2001:db8:: /.test(shown)
        )
      })
      await eventually('the event', () => kubectl(['describe', 'svc', 'web']).includes('IPAllocated'))
      expect(
        kubectl([
          'get',
          'svc',
          'web',
          '-o',
          'jsonpath={.status.conditions[?(@.type=="metallb.io/AddressAssigned")].status}',
        ]),
      ).toBe('True')
      await eventually('the counters', () =>
        kubectl(['get', 'ipaddresspool', '-n', SYSTEM, 'lan', '-o', 'jsonpath={.status}']).includes('"assignedIPv4":1'),
      )
    })

    it('[row 21] one too many waits with its reason, and is served when another goes', async () => {
      apply(service('second') + service('third'))
      const condition = (name: string): string =>
        kubectl([
          'get',
          'svc',
          name,
          '-o',
          'jsonpath={.status.conditions[?(@.type=="metallb.io/AddressAssigned")].reason}',
        ])
      const waiting = await eventually('one to wait', () =>
        ['second', 'third'].find(
          name =>
            condition(name) !== '' &&
            condition(name) !== 'Assigned' &&
            kubectl(['get', 'svc', name, '-o', 'jsonpath={.status.loadBalancer.ingress}']) === '',
        ),
      )
      kubectl(['delete', 'svc', 'web'])
      await eventually(
        'its address',
        () => kubectl(['get', 'svc', waiting, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}']) === '192.0.2.10',
      )
    })

    it('[row 46] [row 105] a broken pool is said in the ConfigurationState, and takes no address away', async () => {
      kubectl([
        'patch',
        'ipaddresspool',
        '-n',
        SYSTEM,
        'lan',
        '--type=merge',
        '-p',
        '{"spec":{"addresses":["192.0.2.99-192.0.2.10"]}}',
      ])
      await eventually('the problem', () =>
        kubectl(['get', 'configurationstate', '-n', SYSTEM, '-o', 'yaml']).includes('192.0.2.99'),
      )
      expect(kubectl(['get', 'svc', 'other', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'])).toBe('2001:db8::')
      apply(POOLS)
      await eventually(
        'no problem',
        () => !kubectl(['get', 'configurationstate', '-n', SYSTEM, '-o', 'yaml']).includes('192.0.2.99'),
      )
      expect(await lab.processes.stop('controller')).toBe(0)
    })

    it('[row 24] kubectl waits for the condition, and describe shows the Event with the reason of a no', async () => {
      lab.startController()
      apply(service('asks', '  loadBalancerIP: 203.0.113.9'))
      kubectl(['wait', 'svc/asks', '--for=condition=metallb.io/AddressAssigned=False', '--timeout=30s'])
      const reason = '["203.0.113.9"] is not allowed in config: no pool holds it'
      await eventually('the Event', () =>
        new RegExp(`Warning +AllocationFailed .*${escaped(reason)}`).test(kubectl(['describe', 'svc', 'asks'])),
      )
      const message = 'jsonpath={.status.conditions[?(@.type=="metallb.io/AddressAssigned")].message}'
      expect(kubectl(['get', 'svc', 'asks', '-o', message])).toBe(reason)
      kubectl(['delete', 'svc', 'asks'])
    })

    it('another installation that writes our Services is said, by the name that the API server notes', async () => {
      const status = '{"status":{"loadBalancer":{"ingress":[{"ip":"10.9.9.9"}]}}}'
      const write = ['patch', 'svc', 'other', '--subresource=status', '--field-manager=kube-vip', '--type=merge', '-p']
      kubectl([...write, status])
      const address = ['get', 'svc', 'other', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}']
      await eventually('the address again', () => kubectl(address) === '2001:db8::')
      await eventually('the Event', () =>
        kubectl(['describe', 'svc', 'other']).includes('"kube-vip" writes addresses into Services that are ours'),
      )
      await eventually('the ConfigurationState', () =>
        kubectl(['get', 'configurationstate', '-n', SYSTEM, 'controller', '-o', 'yaml']).includes(
          'ForeignInstallation',
        ),
      )
      expect(await lab.processes.stop('controller')).toBe(0)
    })

    it('[K-69] of two controllers one acts; the other takes over within 3 s of a clean stop and 20 s of a kill', async () => {
      const flags = ['--lease=controller', '--health-probe-port=0']
      for (const name of ['one', 'two']) lab.startController(flags, name)
      const leader = (): string =>
        ['one', 'two', 'three'].find(
          name =>
            lab.processes.isRunning(name) && lab.processes.log(name).some(({ event }) => event === 'controller-leads'),
        ) ?? ''
      const address = (name: string): string =>
        kubectl(['get', 'svc', name, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'])
      const first = await eventually('a leader', () => leader() || undefined)
      apply(service('led', '  ipFamilies: [IPv6]'))
      await eventually('an address', () => address('led') === '2001:db8::1')
      const other = first === 'one' ? 'two' : 'one'
      expect(lab.processes.log(other).some(({ event }) => event === 'controller-leads')).toBe(false)
      expect(await lab.processes.stop(first)).toBe(0)
      await eventually('the other to lead', () => leader() === other, CLEAN_MS)
      lab.startController(flags, 'three')
      await eventually('the third to stand by', () =>
        lab.processes.log('three').some(({ event }) => event === 'controller-listening'),
      )
      await pause(STANDS_BY_MS)
      lab.processes.kill(other)
      await eventually('the third to lead', () => leader() === 'three', KILLED_MS)
      kubectl(['delete', 'svc', 'led'])
      apply(service('heir', '  ipFamilies: [IPv6]'))
      await eventually('an address', () => address('heir') === '2001:db8::1')
      expect(address('other')).toBe('2001:db8::')
    })
  },
)
