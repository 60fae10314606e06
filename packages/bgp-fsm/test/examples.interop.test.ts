import { afterEach, describe, expect, test } from 'vitest'
import { eventually, Lab, missingFor } from './interop/lab.ts'

const missing = missingFor('/usr/lib/frr/bgpd', '/usr/bin/vtysh')

describe.skipIf(missing !== undefined)(`the README's FRR (${missing ?? 'here'})`, () => {
  let lab: Lab
  afterEach(() => lab.close())

  test('examples/announce-to-frr.ts announces, and takes it back when it is told to end', async () => {
    lab = new Lab()
    const frr = lab.frr(
      'router bgp 64500\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n neighbor 192.0.2.10 remote-as 64512\n',
    )
    const path = new URL('../examples/announce-to-frr.ts', import.meta.url).pathname
    const options = ['--conditions=development', '--disable-warning=ExperimentalWarning']
    const example = lab.spawn(lab.us, process.execPath, [...options, path])
    let said = ''
    example.stdout!.on('data', (text: Buffer) => (said += String(text)))
    const ended = new Promise(resolve => example.once('exit', code => resolve(code)))
    const shown = (): string => frr.ask('show bgp ipv4 unicast')
    await eventually(
      () => shown().includes('203.0.113.7/32') && said.includes('told 203.0.113.7/32'),
      () => said,
    )
    example.kill('SIGTERM')
    expect(await ended).toBe(0)
    await eventually(
      () => !shown().includes('203.0.113.7/32'),
      () => shown(),
    )
  })
})
