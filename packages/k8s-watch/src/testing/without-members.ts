import type { Members } from '../members.ts'

/** A value of JSON as it is when these members were not decoded: of an informer's `unread`, what is left. */
export function withoutMembers(json: unknown, { '*': each, ...named }: Members): unknown {
  if (Array.isArray(json))
    return each === undefined || each === true ? json : json.map(item => withoutMembers(item, each))
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(
    Object.entries(json).flatMap(([name, value]) => {
      const unread = Object.hasOwn(named, name) ? named[name] : undefined
      return unread === true ? [] : [[name, unread === undefined ? value : withoutMembers(value, unread)]]
    }),
  )
}
