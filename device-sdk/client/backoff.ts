/** First wait after a lost link: long enough for a gateway's restart to be noticed by many at once. */
export const RECONNECT_FIRST_DELAY_MS = 500
/** Longest wait: a ward notices within half a minute that the gateway is back. */
export const RECONNECT_MAX_DELAY_MS = 30_000
/** Exponent where doubling stops, so that the product stays a safe number whatever the base. */
const MAX_DOUBLINGS = 20

export interface BackoffOptions {
  readonly firstDelayMs: number
  readonly maxDelayMs: number
}

/**
 * How long to wait before attempt `attempt` (from 0), in milliseconds: exponential with full jitter,
 * so that a thousand devices that lost the same gateway do not come back in the same second.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffDelayMs(
  attempt: number,
  random: () => number,
  options: BackoffOptions,
): number {
  const ceiling = Math.min(
    options.maxDelayMs,
    options.firstDelayMs * 2 ** Math.min(attempt, MAX_DOUBLINGS),
  )
  return Math.floor(random() * ceiling)
}
