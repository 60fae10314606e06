import type { Container } from './support.ts'

/** What the kubelet would put in place of references to the pod. */
const FIELDS: Readonly<Record<string, string>> = {
  'metadata.name': 'this-pod',
  'metadata.namespace': 'metallb-system',
  'spec.nodeName': 'this-node',
  'status.podIP': '127.0.0.1',
}

/** The environment of a container, as the kubelet makes it. */
export function environment(
  env: Container['env'],
  fields: Readonly<Record<string, string>> = FIELDS,
): Readonly<Record<string, string>> {
  return Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? fieldOf(valueFrom, fields)]))
}

function fieldOf(valueFrom: object | undefined, fields: Readonly<Record<string, string>>): string {
  const { fieldPath } = (valueFrom as { fieldRef: { fieldPath: string } }).fieldRef
  const value = fields[fieldPath]
  if (value === undefined) throw new Error(`nobody knows ${fieldPath}`)
  return value
}
