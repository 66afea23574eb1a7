import type { Clock } from '@kefu-edge/device-sdk/client/clock'

/** Time that passes only when told; its monotonic part is what no setting changes. */
export class ManualClock implements Clock {
  #nowMs: number
  #setMs = 0
  #timers: { atMs: number; run: () => void }[] = []

  constructor(nowMs = Date.parse('2026-05-01T08:00:00Z')) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs + this.#setMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  /** Somebody sets the clock, NTP or a person. */
  setBy(ms: number): void {
    this.#setMs += ms
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Runs what is due, in order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.run()
      await settle()
    }
    this.#nowMs = untilMs
    await settle()
  }
}

/** Lets what is already resolved take its effect. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
