/**
 * Who stays over its rate is a flood, not a burst: it keeps a share of the rate only. What the rate allows is
 * work in which the packets of the others wait, and their 99th percentile sees what one in a hundred meets.
 *
 * A device that catches up after an outage looks the same until it has: nobody sees what it still holds back.
 * So it is tried: it has its whole rate for a while, longer each time, and is free once it keeps within it. A
 * flood never does; it gains a tenth of the time by that, and just after a trial has had a quarter of its rate.
 */

/** So long after the last rest that it had to take a client is still watched. */
const WATCHED_MS = 1000
/** Of the time that a client stays over its rate, or kept within it before, one in so many is at the whole rate. */
const PARTS_OF_TIME = 10
/**
 * Each trial is twice as long as the one before: as long as all of them. So a device whose own messages are a
 * quarter of its rate catches up, whatever has piled up; of equal ones each lost what the last had gained.
 */
const GROWTH = 2
const FIRST_TRIAL_MS = 1000
/** The first one of a client that kept within its rate for ten minutes and more. */
const LONGEST_FIRST_TRIAL_MS = 60_000
const LONGEST_TRIAL_MS = 300_000

export class FloodWatch {
  private readonly floodShare: number
  /** When the present trial began. */
  private sinceMs = 0
  private trialMs = FIRST_TRIAL_MS
  private untilMs = Number.NEGATIVE_INFINITY
  /** Since when it has kept within its rate. */
  private goodSinceMs: number

  /** `floodShare` is what a flood keeps of its rate, above 0 up to 1. */
  constructor(floodShare: number, nowMs: number) {
    this.floodShare = floodShare
    this.goodSinceMs = nowMs
  }

  /** Notes that the client is over its rate; gives the share of it that the client has now. */
  overRate(nowMs: number): number {
    if (!this.isWatching(nowMs)) this.begin(nowMs)
    while (nowMs - this.sinceMs >= this.trialMs * PARTS_OF_TIME) {
      this.sinceMs += this.trialMs * PARTS_OF_TIME
      this.trialMs = Math.min(this.trialMs * GROWTH, LONGEST_TRIAL_MS)
    }
    return nowMs - this.sinceMs < this.trialMs ? 1 : this.floodShare
  }

  /** Notes until when the client rests: a rest alone is no good conduct, however long. */
  restsUntil(endMs: number): void {
    this.untilMs = endMs + WATCHED_MS
    this.goodSinceMs = this.untilMs
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

  private begin(nowMs: number): void {
    const earnedMs = (nowMs - this.goodSinceMs) / PARTS_OF_TIME
    this.sinceMs = nowMs
    this.trialMs = Math.min(Math.max(earnedMs, FIRST_TRIAL_MS), LONGEST_FIRST_TRIAL_MS)
  }
}
