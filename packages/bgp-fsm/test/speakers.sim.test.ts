import { formatPrefix } from '@metallb-ts/netip'
import { expect, test } from 'vitest'
import { Pair, turn } from './sim/pair.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 10_000)
const FIRST = Number(process.env['SEED'] ?? 1)
const TIMEOUT_MS = 120_000 + SEEDS * 100

test(
  `[B-COL-05] [B-GR-05] [B-RIB-02] ${SEEDS} bad networks: in the end one session, and each knows what the other announces`,
  async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) await survive(seed)
  },
  TIMEOUT_MS,
)

test(
  `[B-RIB-01] ${SEEDS / 100} of them with sets that take several turns: each knows what the other announces`,
  async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS / 100; seed++) await survive(seed, 9_000)
  },
  TIMEOUT_MS,
)

async function survive(seed: number, mostRoutes?: number): Promise<void> {
  const pair = new Pair(seed, mostRoutes)
  await turn() // both listen
  for (let strikes = 0; strikes < 12; strikes++) await pair.strike()
  pair.calm()
  const states = pair.sides.map(({ speaker }) => speaker.peers.get('other')!.state)
  expect(states, `seed ${seed}`).toEqual(['established', 'established'])
  expect(pair.network.open, `seed ${seed}: connections`).toBe(1)
  for (const [which, { heard }] of pair.sides.entries()) {
    const announced = pair.sides[1 - which]!.announced.map(({ prefix }) => formatPrefix(prefix)).sort()
    expect([...heard].sort(), `seed ${seed}: what ${which} knows`).toEqual(announced)
  }
}

test(
  `[B-GR-05] ${SEEDS / 50} power cuts that the other side does not notice, and the new connection ends the old session`,
  async () => {
    for (let seed = FIRST, cuts = 0; cuts < SEEDS / 50; seed++) {
      const pair = new Pair(seed)
      const [cut, other] = pair.sides
      if (cut.peer.gracefulRestart === undefined || cut.peer.passive === true) continue
      cuts++
      await turn()
      pair.calm()
      pair.failPower(cut)
      await turn()
      pair.calm()
      const session = other.speaker.peers.get('other')!
      expect([session.state, session.lastError], `seed ${seed}`).toMatchObject(['established', RESTARTED])
      expect(pair.network.open, `seed ${seed}: connections`).toBe(1)
      const announced = cut.announced.map(({ prefix }) => formatPrefix(prefix)).sort()
      expect([...other.heard].sort(), `seed ${seed}: what is known`).toEqual(announced)
    }
  },
  TIMEOUT_MS,
)

const RESTARTED = { code: 'connection-lost', detail: 'the peer has restarted, and opened another' }

test('[B-TRN-06] a peer behind a black hole is gone after the hold time, and back after the hole', async () => {
  const pair = new Pair(1)
  await turn()
  pair.calm()
  const peers = pair.sides.map(({ speaker }) => speaker.peers.get('other')!)
  expect(peers.map(({ state }) => state)).toEqual(['established', 'established'])
  pair.network.cut(pair.sides[0].host, pair.sides[1].host)
  pair.clock.advance(9_500)
  pair.clock.advance(500)
  for (const { state } of peers) expect(state).not.toBe('established')
  pair.calm()
  for (const { state } of peers) expect(state).toBe('established')
})
