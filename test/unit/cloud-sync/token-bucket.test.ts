import { createTokenBucket } from '@kefu-edge/cloud-sync/token-bucket'
import { expect, it } from 'vitest'

it('lets through what was agreed, whatever the size of the batches', () => {
  let nowMs = 0
  const bucket = createTokenBucket(500, 500, () => nowMs)
  let taken = 0
  while (nowMs < 10_000) {
    const waitMs = bucket.waitMs()
    if (waitMs > 0) {
      nowMs += waitMs
      continue
    }
    const batch = 1 + ((taken * 7919) % 900)
    bucket.take(batch)
    taken += batch
  }
  // 10 s at 500/s, one burst of 500 and one batch in debt.
  expect(taken).toBeGreaterThan(5000)
  expect(taken).toBeLessThan(5000 + 500 + 900 + 500)
})

it('holds nothing back when there is no limit', () => {
  const bucket = createTokenBucket(0, 0, () => 0)
  bucket.take(1e9)
  expect(bucket.waitMs()).toBe(0)
})
