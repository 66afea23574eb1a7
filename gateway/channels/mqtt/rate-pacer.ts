/** A token bucket that says how long to wait instead of refusing: devices feel the limit as back-pressure. */
export class RatePacer {
  private readonly fullRate: number
  private readonly burst: number
  private perSecond: number
  private tokens: number
  private filledAtMs: number

  /** `perSecond` 0 means no limit. The bucket holds `burstSeconds` of the rate and starts full. */
  constructor(perSecond: number, burstSeconds: number, nowMs: number) {
    this.fullRate = perSecond
    this.perSecond = perSecond
    this.burst = perSecond * burstSeconds
    this.tokens = this.burst
    this.filledAtMs = nowMs
  }

  get isUnlimited(): boolean {
    return this.perSecond === 0
  }

  /** From now on tokens come at this share of the rate; what the bucket holds and may hold stays. */
  slowTo(share: number, nowMs: number): void {
    if (this.perSecond === this.fullRate * share) return
    this.fill(nowMs)
    this.perSecond = this.fullRate * share
  }

  /** Takes tokens, into debt if need be; gives the milliseconds until the debt is paid. */
  spend(amount: number, now: () => number): number {
    if (this.isUnlimited) return 0
    if (this.tokens < amount) this.fill(now())
    this.tokens -= amount
    return this.tokens >= 0 ? 0 : Math.ceil((-this.tokens / this.perSecond) * 1000)
  }

  /** Takes tokens if so many are left after it; else none, and false. */
  take(amount: number, left: number, now: () => number): boolean {
    if (this.isUnlimited) return true
    if (this.tokens < amount + left) this.fill(now())
    if (this.tokens < amount + left) return false
    this.tokens -= amount
    return true
  }

  /** Time is asked for only where tokens are short. */
  private fill(nowMs: number): void {
    const earned = ((nowMs - this.filledAtMs) / 1000) * this.perSecond
    this.filledAtMs = nowMs
    this.tokens = Math.min(this.burst, this.tokens + earned)
  }
}
