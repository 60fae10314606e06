import { withoutMembers } from '@metallb-ts/k8s-watch/testing'
import { describe, expect, it } from 'vitest'
import { READING_OF_NODES, READING_OF_SERVICES, READING_OF_SLICES } from './projections.ts'

const metadata = {
  name: 'web',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '5',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { 'kubernetes.io/service-name': 'web' },
  annotations: { 'metallb.io/x': 'y', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  ownerReferences: [{ kind: 'Service', name: 'web' }],
  managedFields: [{ manager: 'kubectl' }],
}
const conditions = { ready: true, serving: true, terminating: false }

describe('what the speaker does not decode', () => {
  it.each([
    [
      'a Service',
      READING_OF_SERVICES,
      {
        metadata,
        spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: { app: 'web' }, ports: [{ port: 80 }] },
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
      },
    ],
    [
      'a slice',
      READING_OF_SLICES,
      {
        metadata,
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'], conditions, nodeName: 'n', targetRef: { kind: 'Pod' } }],
        ports: [{ port: 80 }],
      },
    ],
    [
      'a Node',
      READING_OF_NODES,
      {
        metadata,
        spec: { unschedulable: true },
        status: {
          addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
          conditions: [{ type: 'NetworkUnavailable', status: 'False' }],
          images: [{ names: ['a'], sizeBytes: 1 }],
        },
      },
    ],
  ] as const)('is nothing that it keeps of %s', (_, { project, unread }, object) => {
    const whole = (project as (raw: unknown) => unknown)(object)
    expect(whole).toBeDefined()
    expect((project as (raw: unknown) => unknown)(withoutMembers(object, unread))).toEqual(whole)
  })
})
