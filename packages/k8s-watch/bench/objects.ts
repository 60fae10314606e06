// The objects of a benchmark's cluster, each by its number, as large as real ones are.
import type { StoredObject } from '../src/testing/index.ts'

export function service(i: number): StoredObject {
  return {
    metadata: {
      name: `service-${i}`,
      namespace: `ns-${i % 50}`,
      labels: { app: `app-${i}`, team: `team-${i % 20}` },
      annotations: { 'example.com/owner': `somebody-${i}` },
      managedFields: managed('kubectl'),
    },
    spec: {
      type: 'LoadBalancer',
      clusterIP: `10.96.${i >> 8}.${i & 255}`,
      clusterIPs: [`10.96.${i >> 8}.${i & 255}`],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      selector: { app: `app-${i}` },
      ports: [80, 443].map(port => ({
        name: `p${port}`,
        port,
        targetPort: 8_080,
        nodePort: 30_000 + port,
        protocol: 'TCP',
      })),
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: { ingress: [{ ip: `192.0.${i >> 8}.${i & 255}`, ipMode: 'VIP' }] } },
  }
}

export function slice(i: number): StoredObject {
  const service = Math.floor(i / 5)
  return {
    metadata: {
      name: `service-${service}-${i}`,
      namespace: `ns-${service % 50}`,
      labels: { 'kubernetes.io/service-name': `service-${service}`, app: `app-${service}` },
      managedFields: managed('kube-controller-manager'),
    },
    addressType: 'IPv4',
    endpoints: [1, 2].map(n => ({
      addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(i * n) % 1_000}`,
      targetRef: { kind: 'Pod', name: `pod-${i}-${n}`, namespace: `ns-${service % 50}`, uid: `uid-${i}-${n}` },
    })),
    ports: [{ name: 'p80', port: 8_080, protocol: 'TCP' }],
  }
}

export function node(i: number): StoredObject {
  return {
    metadata: {
      name: `node-${i}`,
      labels: { 'kubernetes.io/hostname': `node-${i}` },
      managedFields: managed('kubelet'),
    },
    spec: { podCIDR: `10.${i >> 8}.${i & 255}.0/24` },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.0.${i >> 8}.${i & 255}` }],
      conditions: ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'].map(type => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        reason: 'Because',
        message: 'x'.repeat(60),
      })),
      images: Array.from({ length: 50 }, (_, n) => ({
        names: [`images.example/thing-${n}@sha256:${'0'.repeat(64)}`, `images.example/thing-${n}:v1`],
        sizeBytes: 1_000_000 * n,
      })),
    },
  }
}

function managed(manager: string): object[] {
  const fields = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f:field-${i}`, {}]))
  return [{ manager, operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': fields } }]
}
