/** Token buckets: how fast each device may go. */

export interface RateLimit {
  /** Takes one token; false when the bucket of this key is empty. */
  take(key: string, nowMs: number): boolean
}

/** A bucket that has not been touched for this long is full again and need not be kept. */
const SWEEP_AT_KEYS = 10_000

/** `perSecond` tokens flow in, up to `burst`; `perSecond` 0 sets no limit. */
export function createRateLimit(options: { perSecond: number; burst: number }): RateLimit {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  if (options.perSecond === 0) return { take: () => true }
  const fullAfterMs = (options.burst / options.perSecond) * 1000

  function sweep(nowMs: number): void {
    for (const [key, bucket] of buckets) {
      if (nowMs - bucket.atMs > fullAfterMs) buckets.delete(key)
    }
  }

  return {
    take(key, nowMs) {
      let bucket = buckets.get(key)
      if (!bucket) {
        if (buckets.size >= SWEEP_AT_KEYS) sweep(nowMs)
        bucket = { tokens: options.burst, atMs: nowMs }
        buckets.set(key, bucket)
      }
      const flowed = Math.max(0, nowMs - bucket.atMs) * (options.perSecond / 1000)
      bucket.tokens = Math.min(options.burst, bucket.tokens + flowed)
      bucket.atMs = nowMs
      if (bucket.tokens < 1) return false
      bucket.tokens -= 1
      return true
    },
  }
}
