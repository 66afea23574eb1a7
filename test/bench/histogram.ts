/** Latencies as counts by bucket, so that several runs can be pooled before a quantile is taken. */

/** Where the bucket begins, and how many fell into it. */
export type Bucket = readonly [value: number, count: number]

/** The quantile of all of them together; NaN of nothing. */
export function pooledQuantile(histograms: readonly (readonly Bucket[])[], q: number): number {
  const buckets = histograms.flat().sort(([a], [b]) => a - b)
  const wanted = q * buckets.reduce((sum, [, count]) => sum + count, 0)
  let seen = 0
  for (const [value, count] of buckets) {
    seen += count
    if (seen > wanted) return value
  }
  return buckets.at(-1)?.[0] ?? Number.NaN
}
