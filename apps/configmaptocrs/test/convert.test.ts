import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { problemsOf } from '../src/check.ts'
import { convert, type Resource } from '../src/convert.ts'
import { durationText } from '../src/duration-text.ts'
import { kubernetesName } from '../src/names.ts'
import { readSource } from '../src/read.ts'
import type { OldConfig } from '../src/sections.ts'

function converted(config: OldConfig): readonly Resource[] {
  const made = convert(config, 'metallb-system')
  if (!made.ok) throw new Error(made.error.join('\n'))
  return made.value
}

const short = (resources: readonly Resource[]): readonly string[] =>
  resources.map(({ kind, metadata, spec }) => `${kind} ${metadata.name} ${JSON.stringify(spec)}`)

describe('[row 111] a ConfigMap of MetalLB before 0.13', () => {
  it('peers', () => {
    const peer = { 'my-asn': 64_512, 'peer-asn': 64_513, 'peer-address': '192.0.2.1' }
    const selector = {
      'match-labels': { rack: 'a' },
      'match-expressions': [{ key: 'zone', operator: 'In', values: ['z1'] }],
    }
    const all = {
      ...peer,
      'source-address': '192.0.2.9',
      'peer-port': 1_179,
      'hold-time': '2m0.7s',
      'keepalive-time': '20s',
      'router-id': '192.0.2.8',
      'node-selectors': [selector],
      password: 'secret',
      'bfd-profile': 'Fast_One',
      'ebgp-multihop': true,
    }
    const [first, second] = converted({ peers: [peer, all], 'bfd-profiles': [{ name: 'Fast_One' }] })
    expect(first).toEqual({
      apiVersion: 'metallb.io/v1beta2',
      kind: 'BGPPeer',
      metadata: { name: 'peer1', namespace: 'metallb-system' },
      spec: { myASN: 64_512, peerASN: 64_513, peerAddress: '192.0.2.1', holdTime: '1m30s' },
    })
    expect(second!.spec).toEqual({
      myASN: 64_512,
      peerASN: 64_513,
      peerAddress: '192.0.2.1',
      sourceAddress: '192.0.2.9',
      peerPort: 1_179,
      holdTime: '2m0s',
      keepaliveTime: '20s',
      routerID: '192.0.2.8',
      nodeSelectors: [
        { matchLabels: { rack: 'a' }, matchExpressions: [{ key: 'zone', operator: 'In', values: ['z1'] }] },
      ],
      password: 'secret',
      bfdProfile: 'fast-one',
      ebgpMultiHop: true,
    })
  })

  it('pools with their advertisements, profiles and communities, in MetalLB’s order', () => {
    const resources = converted({
      'bgp-communities': { zeta: '64512:2', alpha: '64512:1' },
      'bfd-profiles': [{ name: 'slow', 'receive-interval': 500, 'echo-mode': true }],
      'address-pools': [
        { name: 'lan', protocol: 'layer2', addresses: ['192.0.2.0/24'], 'avoid-buggy-ips': true, 'auto-assign': false },
        { name: 'plain', protocol: 'bgp', addresses: ['198.51.100.0/24'] },
        {
          name: 'rich',
          protocol: 'bgp',
          addresses: ['2001:db8::/120'],
          'bgp-advertisements': [{ 'aggregation-length-v6': 120, localpref: 50, communities: ['alpha'] }, {}],
        },
      ],
    })
    expect(short(resources)).toEqual([
      'IPAddressPool lan {"addresses":["192.0.2.0/24"],"autoAssign":false,"avoidBuggyIPs":true}',
      'IPAddressPool plain {"addresses":["198.51.100.0/24"]}',
      'IPAddressPool rich {"addresses":["2001:db8::/120"]}',
      'BGPAdvertisement bgpadvertisement1 {"ipAddressPools":["plain"]}',
      'BGPAdvertisement bgpadvertisement2 {"aggregationLengthV6":120,"localPref":50,"communities":["alpha"],"ipAddressPools":["rich"]}',
      'BGPAdvertisement bgpadvertisement3 {"ipAddressPools":["rich"]}',
      'L2Advertisement l2advertisement1 {"ipAddressPools":["lan"]}',
      'BFDProfile slow {"receiveInterval":500,"echoMode":true,"passiveMode":false}',
      'Community communities {"communities":[{"name":"alpha","value":"64512:1"},{"name":"zeta","value":"64512:2"}]}',
    ])
  })

  it.each([
    ['a hold time of two seconds', { peers: [{ 'hold-time': '2s' }] }, /peer #1: invalid hold time "2s"/],
    ['a hold time that is none', { peers: [{ 'hold-time': 'soon' }] }, /hold-time: "soon" is no duration/],
    ['a pool that nothing would announce', { 'address-pools': [{ name: 'a', protocol: 'l2' }] }, /"l2" is neither/],
    ['a name without a letter', { 'address-pools': [{ name: '123', protocol: 'bgp' }] }, /K8S compatible: 123/],
  ] as const)('%s is refused', (_, config, problem) => {
    const made = convert(config as OldConfig, 'x')
    expect(made.ok ? '' : made.error.join('\n')).toMatch(problem)
  })

  it('what controller and speakers would refuse is refused here', () => {
    const twice = [1, 2].map(n => ({ name: `p${n}`, protocol: 'layer2', addresses: ['192.0.2.0/24'] }))
    expect(problemsOf(converted({ 'address-pools': twice })).join()).toMatch(/overlaps/)
  })

  it.each([
    ['Good-Name', 'good-name'],
    ['_1a_B', 'a-b'],
    ['a'.repeat(80), 'a'.repeat(63)],
    ['fine', 'fine'],
  ])('the name %s becomes %s', (name, expected) => {
    expect(kubernetesName('pool', name)).toEqual({ ok: true, value: expected })
  })

  it.each([
    ['90s', '1m30s'],
    ['0', '0s'],
    ['1h', '1h0m0s'],
    ['1.5m', '1m30s'],
    ['2500ms', '2s'],
  ])('the duration %s is %s', (text, expected) => {
    expect(durationText(text)).toMatchObject({ ok: true, value: { text: expected } })
  })

  it('a key that means nothing is named, and nothing is lost in silence', () => {
    const text = 'peers:\n- my-asn: 1\n  peer-assn: 2\naddress-pool: []\n'
    expect(readSource(text, { onlyData: true })).toEqual({
      ok: false,
      error: ['the configuration: "address-pool" means nothing there', 'peers[0]: "peer-assn" means nothing there'],
    })
    expect(readSource('kind: ConfigMap\n', { onlyData: false })).toEqual({
      ok: false,
      error: ['bad ConfigMap: no data'],
    })
    expect(readSource('a: [', { onlyData: true })).toMatchObject({ ok: false })
  })
})

describe('[row 111] the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'configmap-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const main = join(import.meta.dirname, '../src/main.ts')
  const node = ['--conditions=development', '--disable-warning=ExperimentalWarning', main]

  const map = (config: string, namespace?: string): string =>
    stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'config', ...(namespace && { namespace }) },
      data: { config },
    })

  it('writes what kubectl takes, in the namespace of the ConfigMap', () => {
    const [source, output] = [join(folder, 'config.yaml'), join(folder, 'resources.yaml')]
    writeFileSync(source, map('address-pools:\n- name: lan\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n', 'lb'))
    execFileSync(process.execPath, [...node, '--source', source, '--output', output])
    const documents = parseAllDocuments(readFileSync(output, 'utf8')).map(
      document => document.toJS() as Resource | null,
    )
    expect(documents.filter(document => document !== null).map(({ kind, metadata }) => [kind, metadata])).toEqual([
      ['IPAddressPool', { name: 'lan', namespace: 'lb' }],
      ['L2Advertisement', { name: 'l2advertisement1', namespace: 'lb' }],
    ])
  })

  it('says what it cannot convert, and fails', () => {
    const source = join(folder, 'bad.yaml')
    writeFileSync(source, 'address-pools:\n- name: lan\n  protocol: layer2\n  addresses: [nowhere]\n')
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [...node, '--source', source, '--only-data', '--stdout'],
      {
        encoding: 'utf8',
      },
    )
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toContain('nowhere')
  })
})
