import { electAll, Standing, standsAlone, type Contest, type ElectionRules, type Electorate } from './electorate.ts'
import { electionPlaces, isEligible, type Election, type Verdict } from './ownership.ts'

/** Elections of which only the winner is worked out until somebody asks for more. */
export interface Winners {
  of(contest: Contest): string | undefined
  /** Of every candidate, as `electOwner` gives them. */
  verdicts(contest: Contest): readonly Verdict[]
}

/** Equal to `electAll`, and where each address stands alone far cheaper. */
export function winnersAmong(rules: ElectionRules, electorate: Electorate): Winners {
  return standsAlone(rules) ? new WinnersAlone(rules, electorate) : new WinnersTogether(rules, electorate)
}

/** What of an election changes with who comes and goes is the same for all that have the same candidates. */
class WinnersAlone implements Winners {
  readonly #rules: ElectionRules
  readonly #electorate: Electorate
  readonly #standing: Standing
  readonly #fields = { ipv4: new Map<object, Field>(), ipv6: new Map<object, Field>() }

  constructor(rules: ElectionRules, electorate: Electorate) {
    this.#rules = rules
    this.#electorate = electorate
    this.#standing = new Standing(electorate)
  }

  of(contest: Contest): string | undefined {
    const { candidates } = contest
    const { stands, scores, isPlain } = this.#fieldOf(contest)
    if (!isPlain) return this.#elect(contest).owner
    const places = electionPlaces(candidates, contest.key)
    let best = -1
    for (let i = 0; i < candidates.length; i++) {
      if (!stands[i]) continue
      const ahead = best < 0 ? 1 : scores[i]! - scores[best]! || places[best]! - places[i]!
      if (ahead === 0) return this.#elect(contest).owner // the rest of the digest decides
      if (ahead > 0) best = i
    }
    return candidates[best]?.node
  }

  verdicts(contest: Contest): readonly Verdict[] {
    return this.#elect(contest).verdicts
  }

  #elect(contest: Contest): Election {
    return electAll(this.#rules, { ...this.#electorate, contests: [contest] }).get(contest.key)!
  }

  #fieldOf({ candidates, address }: Contest): Field {
    const fields = this.#fields[address.family]
    const known = fields.get(candidates)
    if (known !== undefined) return known
    const field: Field = {
      stands: candidates.map(each => isEligible(each) && this.#standing.stands(each, address)),
      scores: candidates.map(({ score }) => score ?? 0),
      isPlain: new Set(candidates.map(({ node }) => node)).size === candidates.length,
    }
    fields.set(candidates, field)
    return field
  }
}

/** The candidates of one list, by their number in it. */
interface Field {
  readonly stands: readonly boolean[]
  readonly scores: readonly number[]
  /** No node is named twice. */
  readonly isPlain: boolean
}

class WinnersTogether implements Winners {
  readonly #rules: ElectionRules
  readonly #electorate: Electorate
  #elections: ReadonlyMap<string, Election> | undefined

  constructor(rules: ElectionRules, electorate: Electorate) {
    this.#rules = rules
    this.#electorate = electorate
  }

  of({ key }: Contest): string | undefined {
    return this.#all().get(key)!.owner
  }

  verdicts({ key }: Contest): readonly Verdict[] {
    return this.#all().get(key)!.verdicts
  }

  #all(): ReadonlyMap<string, Election> {
    this.#elections ??= electAll(this.#rules, this.#electorate)
    return this.#elections
  }
}
