import { backoffDelayMs } from '@kefu-edge/device-sdk/client/backoff'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const OPTIONS = { firstDelayMs: 500, maxDelayMs: 30_000 }

test('the wait is anywhere between nothing and a ceiling that doubles up to the longest', () => {
  fc.assert(
    fc.property(
      fc.nat(2_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (n, r) => {
        const ceilingMs = Math.min(30_000, 500 * 2 ** Math.min(n, 60))
        const delayMs = backoffDelayMs(n, () => r, OPTIONS)
        expect(delayMs).toBe(Math.floor(r * ceilingMs))
      },
    ),
  )
})

test('a thousand devices do not come back in the same moment', () => {
  let seed = 1
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const buckets = new Array<number>(10).fill(0)
  for (let i = 0; i < 1_000; i++) {
    const bucket = Math.floor(backoffDelayMs(3, random, OPTIONS) / 400)
    buckets[bucket] = (buckets[bucket] ?? 0) + 1
  }
  expect(Math.max(...buckets)).toBeLessThan(150)
  expect(Math.min(...buckets)).toBeGreaterThan(50)
})
