/** Below which confidence a table's model refuses. */
import { describe, expect, it } from 'vitest'
import { type Judged, refusalThreshold } from '../../../gateway/language/calibrate.ts'

const known = (confidence: number): Judged => ({
  confidence,
  isRight: true,
  isInScope: true,
  weight: 1,
})
const foreign = (confidence: number): Judged => ({
  confidence,
  isRight: false,
  isInScope: false,
  weight: 1,
})
const spread = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))

const KNOWN = spread(0.4, 0.99, 100).map(known)
const FOREIGN = spread(0.01, 0.2, 100).map(foreign)

describe('the threshold of refusal', () => {
  it('lies in the middle of the gap between what is known and what is foreign', () => {
    expect(refusalThreshold([...KNOWN, ...FOREIGN], 0.2)).toBeCloseTo(0.3, 2)
  })

  it('does not move with a single foreign question that few others are as sure as', () => {
    const one = refusalThreshold([...KNOWN, ...FOREIGN, foreign(0.25)], 0.2)
    const other = refusalThreshold([...KNOWN, ...FOREIGN, foreign(0.35)], 0.2)
    expect(Math.abs(one - other)).toBeLessThan(0.03)
  })

  it('gives up answers where refusing is worth more than they are', () => {
    const mixed = [...KNOWN, ...FOREIGN, ...spread(0.4, 0.6, 40).map(foreign)]
    expect(refusalThreshold(mixed, 2)).toBeGreaterThan(0.55)
    expect(refusalThreshold(mixed, 0.1)).toBeLessThan(0.4)
  })

  it('gives up hardly an answer where no table says what is foreign, and refuses what is next to impossible', () => {
    const sure = spread(0.1, 0.99, 2000).map(known)
    const refused = refusalThreshold(sure, 0.2)
    expect(refused).toBeGreaterThan(0.1)
    expect(sure.filter(({ confidence }) => confidence < refused).length).toBeLessThanOrEqual(2)
    // A handful of held-out rows is sure of itself, and tells nothing of others.
    expect(refusalThreshold(spread(0.7, 0.99, 9).map(known), 0.2)).toBe(0.2)
  })
})
