import { describe, expect, test } from 'vitest'
import {
  bitFlipRound,
  diskFullRound,
  killRound,
  powerCutRound,
  retentionRound,
  tornCheckpointRound,
} from './ledger-rounds.ts'
import { randomFrom } from './seeded-random.ts'

const SEED = Number(process.env.KEFU_FAULT_SEED ?? 20_261_122)
/** A few of each in the daily test; the fault harness runs a thousand. */
const ROUNDS = Number(process.env.KEFU_FAULT_ROUNDS ?? 3)

describe(`ledger faults (seed ${SEED})`, () => {
  const random = randomFrom(SEED)

  test.each([
    ['kill -9 of the writer', killRound],
    ['a power cut that tears the log behind the last fsync', powerCutRound],
    ['a power cut while the log is folded into the file', tornCheckpointRound],
    ['a full disk', diskFullRound],
  ])('%s loses nothing acknowledged and leaves a whole, balanced record', async (_, round) => {
    for (let n = 0; n < ROUNDS; n++) {
      const result = await round(random)
      expect(result.acknowledged).toBeGreaterThan(0)
      expect(result).toMatchObject({ lost: 0, unbalanced: 0, notWhole: 0 })
    }
  })

  test('kill -9 while retention removes loses nothing that must stay', async () => {
    const result = await retentionRound(random)
    expect(result.acknowledged).toBeGreaterThan(0)
    expect(result.removed).toBeGreaterThan(0)
    expect(result).toMatchObject({ lost: 0, unbalanced: 0, notWhole: 0 })
  })

  test('every single byte of stored content, one bit flipped: verify finds it', async () => {
    const result = await bitFlipRound(random, 'every-byte')
    expect(result.bitFlips).toBeGreaterThan(2500)
    expect(result.bitFlipsFound).toBe(result.bitFlips)
  }, 60_000)
})
