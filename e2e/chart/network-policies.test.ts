import { describe, expect, it } from 'vitest'
import { renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { containerOf, helm, object, podOf, where } from './support.ts'

interface Policy {
  readonly podSelector: { readonly matchLabels?: Readonly<Record<string, string>> }
  readonly policyTypes: readonly string[]
  readonly ingress?: readonly { readonly ports: readonly { readonly port: string | number }[] }[]
  readonly egress?: readonly { readonly ports: readonly { readonly port: string | number }[] }[]
}

async function policies(values: object): Promise<{ readonly objects: readonly Rendered[]; of(name: string): Policy }> {
  const objects = await renderChart({ values: { ...values, networkpolicies: { enabled: true, defaultDeny: true } } })
  return { objects, of: name => object(objects, 'NetworkPolicy', name)['spec'] as unknown as Policy }
}

describe.skipIf(!helm.ok)(`network policies (${where})`, () => {
  it('[row 110] there are none unless asked for, and none that denies unless asked for', async () => {
    const names = async (networkpolicies: object): Promise<readonly string[]> =>
      (await renderChart({ values: { networkpolicies } }))
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map(({ metadata: { name } }) => name)
    expect(await names({})).toEqual([])
    expect(await names({ defaultDeny: true })).toEqual([])
    expect(await names({ enabled: true })).toEqual(['controller'])
    expect(await names({ enabled: true, defaultDeny: true })).toEqual(['default-deny', 'controller'])
  })

  it('[row 110] the default denies every pod of the namespace both ways', async () => {
    const { of } = await policies({})
    expect(of('default-deny')).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  })

  it.each([
    ['disabled', ['metricshttps']],
    ['enabled', ['metricshttps', 'webhook-server']],
    ['onlywebhook', ['metricshttps', 'webhook-server']],
  ])(
    '[row 110] with webhooks %s the controller is reached at %j, which are all its ports',
    async (webhookMode, ports) => {
      const { objects, of } = await policies({ controller: { webhookMode } })
      const { ingress = [] } = of('controller')
      expect(ingress.flatMap(rule => rule.ports.map(({ port }) => port))).toEqual(ports)
      expect(containerOf(objects, 'controller').ports.map(({ name }) => name)).toEqual(ports)
    },
  )

  it('[row 110] the controller reaches the API server and nothing else', async () => {
    const { of } = await policies({})
    expect(of('controller').egress).toEqual([{ ports: [{ protocol: 'TCP', port: 6443 }] }])
  })

  it('[row 110] the policy selects the controller’s pods, and the speaker’s are beyond policies', async () => {
    const { objects, of } = await policies({})
    const deployment = object(objects, 'Deployment')['spec'] as { selector: { matchLabels: object } }
    expect(of('controller').podSelector.matchLabels).toEqual(deployment.selector.matchLabels)
    expect(podOf(objects, 'speaker')['hostNetwork']).toBe(true)
  })
})
