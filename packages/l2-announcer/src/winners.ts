import { electAll, Standing, standsAlone, type Contest, type ElectionRules, type Electorate } from './electorate.ts'
import { isEligible, rank, type Candidate, type Election, type Verdict } from './ownership.ts'

/** Elections of which only the winner is worked out until somebody asks for more. */
export interface Winners {
  of(contest: Contest): string | undefined
  /** Of every candidate, as `electOwner` gives them. */
  verdicts(contest: Contest): readonly Verdict[]
}

/** Equal to `electAll`. Where each address stands alone its order is taken once, and only who stands is looked up after. */
export function winnersAmong(rules: ElectionRules, electorate: Electorate): Winners {
  return standsAlone(rules) ? new WinnersAlone(rules, electorate) : new WinnersTogether(rules, electorate)
}

class WinnersAlone implements Winners {
  readonly #rules: ElectionRules
  readonly #electorate: Electorate
  readonly #standing: Standing

  constructor(rules: ElectionRules, electorate: Electorate) {
    this.#rules = rules
    this.#electorate = electorate
    this.#standing = new Standing(electorate)
  }

  of(contest: Contest): string | undefined {
    for (const candidate of orderOf(contest)) {
      if (this.#standing.stands(candidate, contest.address)) return candidate.node
    }
    return undefined
  }

  verdicts(contest: Contest): readonly Verdict[] {
    return electAll(this.#rules, { ...this.#electorate, contests: [contest] }).get(contest.key)!.verdicts
  }
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

/** Who comes and goes changes who stands, not the order. */
function orderOf(contest: Contest): readonly Candidate[] {
  const known = orders.get(contest)
  if (known !== undefined) return known
  const order = rank(contest.candidates.filter(isEligible), contest.address)
  orders.set(contest, order)
  return order
}

const orders = new WeakMap<Contest, readonly Candidate[]>()
