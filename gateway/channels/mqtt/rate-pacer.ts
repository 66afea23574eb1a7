/** A token bucket that says how long to wait instead of refusing: devices feel the limit as back-pressure. */
export class RatePacer {
  private readonly perSecond: number
  private readonly burst: number
  private tokens: number
  private filledAtMs: number

  /** `perSecond` 0 means no limit. The bucket holds `burstSeconds` of the rate and starts full. */
  constructor(perSecond: number, burstSeconds: number, nowMs: number) {
    this.perSecond = perSecond
    this.burst = perSecond * burstSeconds
    this.tokens = this.burst
    this.filledAtMs = nowMs
  }

  /** Takes tokens, into debt if need be; gives the milliseconds until the debt is paid. */
  spend(amount: number, now: () => number): number {
    if (this.perSecond === 0) return 0
    this.tokens -= amount
    if (this.tokens >= 0) return 0
    const nowMs = now()
    const earned = ((nowMs - this.filledAtMs) / 1000) * this.perSecond
    this.filledAtMs = nowMs
    this.tokens = Math.min(this.burst - amount, this.tokens + earned)
    return this.tokens >= 0 ? 0 : Math.ceil((-this.tokens / this.perSecond) * 1000)
  }
}
