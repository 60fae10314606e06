import type { StoredObject } from './object-store.ts'

/** Whether the labels of an object satisfy `a=b,c!=d,e,!f,g in (h,i),j notin (k)`. */
export function matchesLabels(object: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true
  const labels = (object.metadata['labels'] ?? {}) as Record<string, string>
  return selector.split(/,(?![^(]*\))/).every(term => matchesTerm(labels, term.trim()))
}

function matchesTerm(labels: Readonly<Record<string, string>>, term: string): boolean {
  const [, key = '', no, list] = /^(\S+)\s+(not)?in\s*\((.*)\)$/.exec(term) ?? []
  if (list !== undefined) {
    const values = list.split(',').map(value => value.trim())
    return values.includes(labels[key]!) !== (no === 'not')
  }
  const [, name = '', operator, value] = /^([^!=\s]+)\s*(==|=|!=)\s*(.*)$/.exec(term) ?? []
  if (operator === undefined) return term.startsWith('!') ? labels[term.slice(1)] === undefined : term in labels
  return operator === '!=' ? labels[name] !== value : labels[name] === value
}

/** `metadata.name`, `metadata.namespace` and any other path of plain fields. */
export function matchesFields(object: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true
  return selector.split(',').every(term => {
    const [path = '', value = ''] = term.split(/==?/)
    const found = path
      .split('.')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], object)
    return String(found ?? '') === value
  })
}

export function selects(object: StoredObject, query: URLSearchParams): boolean {
  return matchesLabels(object, query.get('labelSelector')) && matchesFields(object, query.get('fieldSelector'))
}
