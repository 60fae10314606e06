/** Whether two JSON values say the same: the order of fields means nothing, and a field that is undefined is none. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, i) => isSameJson(item, b[i]))
  }
  const [left, right] = [a as Fields, b as Fields]
  for (const name of Object.keys(left)) if (!isSameJson(left[name], right[name])) return false
  return Object.keys(right).every(name => left[name] !== undefined || right[name] === undefined)
}

type Fields = Readonly<Record<string, unknown>>
