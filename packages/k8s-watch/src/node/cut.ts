import type { Members } from '../members.ts'

/**
 * Takes members out of a line of JSON before it is decoded, in a part of the time that parsing them takes. The line that
 * comes back is good until the next. One that is no JSON without white space comes back as it was.
 */
export function cutter(unread: Members): (line: Buffer) => Buffer {
  const plan = planOf(unread)
  const walk = new Walk(plan.count)
  return line => {
    const cuts = walk.over(line, plan)
    return cuts.length === 0 ? line : without(line, cuts)
  }
}

interface Plan {
  readonly members: readonly { readonly name: Uint8Array; readonly plan: Plan | undefined }[]
  readonly each: Plan | undefined
  /** How many members it takes out of an object; infinite where there are arrays. */
  readonly count: number
}

function planOf({ '*': each, ...named }: Members): Plan {
  const members = Object.entries(named).map(([name, rest]) => ({
    name: Buffer.from(JSON.stringify(name).slice(1, -1)), // as it stands in a text
    plan: rest === true ? undefined : planOf(rest),
  }))
  if (each !== undefined && each !== true) return { members, each: planOf(each), count: Infinity }
  return { members, each: undefined, count: members.reduce((sum, { plan }) => sum + (plan?.count ?? 1), 0) }
}

/** Finds what is to go: from and to, in pairs. Its steps return where they ended, or `NOWHERE` to go no further. */
class Walk {
  readonly #most: number
  #cuts: number[] = []
  #found = 0

  constructor(most: number) {
    this.#most = most
  }

  over(line: Uint8Array, plan: Plan): readonly number[] {
    this.#cuts = []
    this.#found = 0
    const end = this.#value(line, 0, plan)
    return end === NOWHERE && this.#found < this.#most ? [] : this.#cuts
  }

  #value(line: Uint8Array, at: number, plan: Plan): number {
    if (line[at] === OBJECT) return this.#object(line, at, plan)
    if (line[at] === ARRAY && plan.each !== undefined) return this.#array(line, at, plan.each)
    return pastValue(line, at)
  }

  #array(line: Uint8Array, start: number, plan: Plan): number {
    if (line[start + 1] === ARRAY_END) return start + 2
    for (let at = start + 1; ; at++) {
      at = this.#value(line, at, plan)
      if (at === NOWHERE || line[at] === ARRAY_END) return at === NOWHERE ? at : at + 1
      if (line[at] !== COMMA) return NOWHERE
    }
  }

  #object(line: Uint8Array, start: number, plan: Plan): number {
    if (line[start + 1] === OBJECT_END) return start + 2
    let isFirst = true
    for (let at = start + 1; ; at++) {
      const name = at
      const colon = line[name] === QUOTE ? pastString(line, name) : NOWHERE
      if (colon === NOWHERE || line[colon] !== COLON) return NOWHERE
      const member = memberOf(plan, line, name + 1, colon - 1)
      if (member?.plan !== undefined) at = this.#value(line, colon + 1, member.plan)
      else at = pastValue(line, colon + 1)
      if (at === NOWHERE) return NOWHERE
      if (member === undefined || member.plan !== undefined) isFirst = false
      else {
        // Of the two commas beside it one stays.
        if (isFirst) this.#cuts.push(name, line[at] === COMMA ? at + 1 : at)
        else this.#cuts.push(name - 1, at)
        if (++this.#found === this.#most) return NOWHERE
      }
      if (line[at] === OBJECT_END) return at + 1
      if (line[at] !== COMMA) return NOWHERE
    }
  }
}

/** What is inside is not looked at, except for where it ends. */
function pastValue(line: Uint8Array, start: number): number {
  const first = line[start]
  if (first === QUOTE) return pastString(line, start)
  const end = line.length
  let at = start
  if (first !== OBJECT && first !== ARRAY) {
    while (at < end && line[at] !== COMMA && line[at] !== OBJECT_END && line[at] !== ARRAY_END) at++
    return at === start || at === end ? NOWHERE : at
  }
  for (let depth = 0; at < end; at++) {
    const byte = line[at]!
    if (byte === QUOTE) {
      for (at++; at < end && line[at] !== QUOTE; at++) if (line[at] === ESCAPE) at++
    } else if (byte === OBJECT || byte === ARRAY) depth++
    else if ((byte === OBJECT_END || byte === ARRAY_END) && --depth === 0) return at + 1
  }
  return NOWHERE
}

function pastString(line: Uint8Array, start: number): number {
  const end = line.length
  for (let at = start + 1; at < end; at++) {
    if (line[at] === QUOTE) return at + 1
    if (line[at] === ESCAPE) at++
  }
  return NOWHERE
}

function memberOf({ members }: Plan, line: Uint8Array, from: number, to: number): Plan['members'][number] | undefined {
  for (let i = 0; i < members.length; i++) if (isSame(line, from, to, members[i]!.name)) return members[i]
  return undefined
}

function isSame(line: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  if (to - from !== name.length) return false
  for (let i = 0; i < name.length; i++) if (line[from + i] !== name[i]) return false
  return true
}

function without(line: Buffer, cuts: readonly number[]): Buffer {
  const kept =
    line.length <= SCRATCH_BYTES ? (scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)) : Buffer.alloc(line.length)
  let [from, length] = [0, 0]
  for (let i = 0; i < cuts.length; i += 2) {
    length += line.copy(kept, length, from, cuts[i])
    from = cuts[i + 1]!
  }
  length += line.copy(kept, length, from)
  return kept.subarray(0, length)
}

const SCRATCH_BYTES = 64 * 1024
let scratch: Buffer | undefined

const NOWHERE = -1
const QUOTE = 0x22
const ESCAPE = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d
