import { expect, test } from 'vitest'
import { blindOf, NOTHING_FOUND, type RoundReport } from './round.ts'
import { brokenIn, createTally, hasHeld } from './tally.ts'

const round = (found: Partial<RoundReport>): RoundReport => ({
  ...NOTHING_FOUND,
  fault: 'link-cut',
  seed: 1,
  ...found,
})

function heldAfter(...rounds: RoundReport[]): boolean {
  const tally = createTally([])
  for (const one of rounds) tally.add(one)
  return hasHeld(tally.sum())
}

test('a round of which nothing was counted has not held', () => {
  const blind = blindOf({ acknowledged: 40, samples: 12, databaseSamples: 0, bitFlips: 5 })
  expect(blind).toHaveLength(1)
  expect(blind[0]).toContain('databaseSamples')
  expect(brokenIn(round({ bites: 1, blind: blind.length }))).toBe(1)
  expect(blindOf({ acknowledged: 40, samples: 12, databaseSamples: 9, bitFlips: 5 })).toEqual([])
})

test('a run has held when each of its faults took effect once, and not before', () => {
  expect(heldAfter(round({ bites: 0 }))).toBe(false)
  expect(heldAfter(round({ bites: 0 }), round({ bites: 2 }))).toBe(true)
  const missed = round({ bites: 0, mayMiss: true })
  expect(heldAfter(missed)).toBe(true)
  expect(heldAfter(missed, missed, missed)).toBe(false)
  expect(heldAfter(round({ bites: 2 }), round({ fault: 'lost-answers', bites: 0 }))).toBe(false)
})

test('rounds in which a thread was to fold the log, and never did, have not held', () => {
  const folding = round({ bites: 1, folding: 1 })
  expect(heldAfter(folding, folding)).toBe(true)
  expect(heldAfter(folding, folding, folding)).toBe(false)
  expect(heldAfter(folding, folding, round({ bites: 1, folding: 1, folded: 1 }))).toBe(true)
})
