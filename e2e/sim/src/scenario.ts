import { Dice } from './dice.ts'

/** What one seed makes of the cluster and of the world around it. */
export interface Scenario {
  readonly seed: number
  readonly nodes: number
  readonly routers: number
  /** With two of them a Lease decides. */
  readonly controllers: number
  readonly members: 'fast' | 'balanced' | 'safe' | 'none'
  readonly routersConnect: boolean
  readonly gracefulRestart: boolean
  readonly holdSeconds: number
  readonly apiLatencyMs: readonly [number, number]
  readonly bgpLatencyMs: readonly [number, number]
  readonly datagrams: { readonly loss: number; readonly latencyMs: number; readonly duplication: number }
  readonly frameLoss: number
  /** Changes that a watch may resume from. */
  readonly historyLimit: number
  readonly services: number
  /** Times of trouble, each followed by a calm in which everything must come right. */
  readonly storms: number
  readonly strikes: number
}

export function scenarioOf(seed: number): Scenario {
  const dice = new Dice(seed * 7_919 + 1)
  const apiLeast = dice.between(0.2, 3)
  return {
    seed,
    nodes: 2 + dice.below(2),
    routers: dice.chance(0.3) ? 2 : 1,
    controllers: dice.chance(0.3) ? 2 : 1,
    members: dice.pick(['none', 'safe', 'safe', 'safe', 'balanced', 'fast']),
    routersConnect: dice.chance(0.3),
    gracefulRestart: dice.chance(0.3),
    holdSeconds: dice.pick([3, 9, 9, 30]),
    apiLatencyMs: [apiLeast, apiLeast + dice.pick([1, 10, 100, 400])],
    bgpLatencyMs: [0.1, dice.pick([1, 10, 50])],
    datagrams: {
      loss: dice.pick([0, 0, 0.01, 0.05]),
      latencyMs: dice.pick([0.5, 2, 20]),
      duplication: dice.pick([0, 0.05]),
    },
    frameLoss: dice.pick([0, 0, 0.02]),
    historyLimit: dice.pick([20, 200, 10_000]),
    services: 2 + dice.below(3),
    storms: 2,
    strikes: 5 + dice.below(6),
  }
}
