type Json = unknown

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result: Record<string, Json> = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}

export interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly value?: Json
}

/** RFC 6902, the operations add, replace, remove and test. Throws a RangeError on what does not apply. */
export function jsonPatch(target: Json, operations: readonly JsonPatchOperation[]): Json {
  const root = { root: structuredClone(target) } as Record<string, Json>
  for (const { op, path, value } of operations) {
    const parts = [
      'root',
      ...path
        .split('/')
        .slice(1)
        .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')),
    ]
    const last = parts.pop()!
    const parent = parts.reduce<Json>((at, part) => (at as Record<string, Json> | undefined)?.[part], root)
    if (typeof parent !== 'object' || parent === null) throw new RangeError(`there is no ${path}`)
    applyOperation(parent as Record<string, Json>, last, op, value, path)
  }
  return root['root']
}

function applyOperation(parent: Record<string, Json>, last: string, op: string, value: Json, path: string): void {
  if (op === 'test') {
    if (JSON.stringify(parent[last]) !== JSON.stringify(value)) throw new RangeError(`the test of ${path} failed`)
  } else if (op === 'remove') {
    if (parent[last] === undefined) throw new RangeError(`there is no ${path}`)
    if (Array.isArray(parent)) parent.splice(Number(last), 1)
    else delete parent[last]
  } else if (op === 'add' || op === 'replace') {
    if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), op === 'add' ? 0 : 1, value)
    else parent[last] = value
  } else throw new RangeError(`operation ${op} is not served`)
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
