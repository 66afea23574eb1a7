/**
 * Who stays over its rate is a flood, not a burst: it keeps a share of the rate only. What the rate allows is
 * work in which the packets of the others wait, and their 99th percentile sees what one in a hundred meets.
 */

/** So long after the last rest that it had to take a client is still watched. */
const WATCHED_MS = 1000
/**
 * Of so many milliseconds that a client stays over its rate it has the first second's whole rate. A device
 * that catches up after an outage would otherwise stay behind for good if it sends more than the share.
 */
const CYCLE_MS = 10_000
const WHOLE_RATE_MS = 1000

export class FloodWatch {
  private readonly floodShare: number
  private sinceMs = 0
  private untilMs = Number.NEGATIVE_INFINITY

  /** `floodShare` is what a flood keeps of its rate, above 0 up to 1. */
  constructor(floodShare: number) {
    this.floodShare = floodShare
  }

  /** Notes that the client is over its rate; gives the share of it that the client has now. */
  overRate(nowMs: number): number {
    if (!this.isWatching(nowMs)) this.sinceMs = nowMs
    return (nowMs - this.sinceMs) % CYCLE_MS < WHOLE_RATE_MS ? 1 : this.floodShare
  }

  /** Notes until when the client rests: a rest alone is no good conduct, however long. */
  restsUntil(endMs: number): void {
    this.untilMs = endMs + WATCHED_MS
  }

  /** Whether the client was ever over its rate and not yet found back within it; costs no look at the clock. */
  get isAlert(): boolean {
    return this.untilMs !== Number.NEGATIVE_INFINITY
  }

  /** Whether the client rested for its rate within the last second. */
  isWatching(nowMs: number): boolean {
    if (nowMs >= this.untilMs) this.untilMs = Number.NEGATIVE_INFINITY
    return this.isAlert
  }
}
