import { ANNOTATION_PREFIX, type Condition } from '@metallb-ts/api'
import { explainSilence, type Silence } from './silence.ts'
import { saysIt, type Finding } from './status-condition.ts'

/** The condition that says whether a Service is announced by anybody, and if not why. */
export const ANNOUNCED_CONDITION: string = `${ANNOTATION_PREFIX}Announced`

export interface SpokenInput {
  readonly node: string
  readonly isAlive: (node: string) => boolean
  /** Living speakers, in the order in which they speak for this Service; asked for when it matters. */
  readonly order: () => readonly string[]
  readonly current: Condition | undefined
  /** What is true of this node now: interfaces that answer, peers that were told. */
  readonly here: { readonly interfaces: readonly string[]; readonly peers: readonly string[] }
  readonly silences: readonly Silence[]
}

/** What this node should say of a Service, and how many others may say it before. */
export interface Spoken {
  /** `gone`: the condition has no meaning any more. */
  readonly finding: Finding | 'gone'
  readonly turn: number
  /** It takes the word from a node that is not known to live. That one may think the same of us. */
  readonly isTakeover: boolean
}

/**
 * Many nodes see one condition, and one of them speaks: who announces says True unless another does already; False is
 * said by the first in the order, and by who said True and no longer can. A sentence begins with the node that said it.
 * Undefined: there is nothing to say, or it is another's to say, it is said, or this node does not know yet who lives.
 */
export function announcedCondition(input: SpokenInput): Spoken | undefined {
  const { node, isAlive, order, current, here, silences } = input
  if (!isAlive(node)) return undefined
  const author = authorOf(current)
  const isOthers = author !== undefined && author !== node && isAlive(author)
  const isTakeover = author !== undefined && author !== node && !isOthers
  const turn = (): number => order().indexOf(node)
  if (silences.some(({ code }) => NOTHING_TO_ANNOUNCE.includes(code)))
    return current === undefined ? undefined : { finding: 'gone', turn: turn(), isTakeover: false }
  if (here.interfaces.length + here.peers.length > 0) {
    if (current?.status === 'True' && isOthers) return undefined
    const finding: Finding = { status: 'True', code: 'announced', message: `${node}: ${doneText(here, silences)}` }
    return saysIt(current, finding) ? undefined : { finding, turn: turn(), isTakeover }
  }
  if (isOthers && current?.status === 'True') return undefined
  if (silences.some(({ code }) => UNDECIDED.includes(code)) || (isOthers && turn() > 0)) return undefined
  const finding = refusal(node, silences)
  if (saysIt(current, finding)) return undefined
  return { finding, turn: author === node ? 0 : turn(), isTakeover }
}

/** Said by AddressAssigned, or not ours. */
const NOTHING_TO_ANNOUNCE: readonly Silence['code'][] = ['not-a-load-balancer', 'other-class', 'no-address']
/** It will be known soon, or is the owner's to say. */
const UNDECIDED: readonly Silence['code'][] = ['session-starting', 'another-node-owns']

function authorOf(current: Condition | undefined): string | undefined {
  return /^(\S+): /.exec(current?.message ?? '')?.[1]
}

/** Where another router was told, a session's own object tells of it: here it would be written to thousands of Services. */
const OF_A_SESSION: readonly Silence['code'][] = ['session-down', 'not-told']

function doneText({ interfaces, peers }: SpokenInput['here'], silences: readonly Silence[]): string {
  const done = [
    ...(interfaces.length > 0 ? [`answers on ${interfaces.join(', ')}`] : []),
    ...(peers.length > 0 ? [`has told ${peers.join(', ')}`] : []),
  ]
  const unsaid = ['no-advertisement', ...UNDECIDED, ...(peers.length > 0 ? OF_A_SESSION : [])]
  const rest = silences.filter(({ code }) => !unsaid.includes(code))
  return [done.join(' and '), ...rest.map(explainSilence)].join('; ')
}

function refusal(node: string, silences: readonly Silence[]): Finding {
  const telling = silences.filter(({ code }) => !UNDECIDED.includes(code))
  const wanted = telling.filter(({ code }) => code !== 'no-advertisement')
  const told = wanted.length > 0 ? wanted : telling
  return {
    status: 'False',
    code: told[0]?.code ?? 'not-announced',
    message: `${node}: ${[...new Set(told.map(explainSilence))].join('; ')}`,
  }
}
