/** How fast a backlog may drain: a token bucket over entries, in debt rather than in parts. */

export interface TokenBucket {
  /** Milliseconds to wait before the next batch may go. 0: now. */
  waitMs(): number
  /** Takes what a batch used; the balance may go below zero, so that one batch is never too big. */
  take(tokens: number): void
}

/** `perSecond` 0: no limit. `burst` is what may go at once after a pause. */
export function createTokenBucket(
  perSecond: number,
  burst: number,
  monotonicMs: () => number,
): TokenBucket {
  if (perSecond <= 0) return { waitMs: () => 0, take: () => {} }
  let balance = burst
  let filledAt = monotonicMs()

  function fill(): void {
    const now = monotonicMs()
    balance = Math.min(burst, balance + ((now - filledAt) * perSecond) / 1000)
    filledAt = now
  }

  return {
    waitMs() {
      fill()
      return balance > 0 ? 0 : Math.ceil(((1 - balance) * 1000) / perSecond)
    },
    take(tokens) {
      fill()
      balance -= tokens
    },
  }
}
