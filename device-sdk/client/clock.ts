/** Time as the client sees it: passed in, so that a test or a simulator decides how it runs. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds that no setting of the clock changes; without it `now` is trusted. */
  monotonic?(): number
  /** Runs once after the delay; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void
}

/** For durations: no setting of the clock makes them longer or shorter. */
export const monotonicMs = (clock: Pick<Clock, 'now' | 'monotonic'>): number =>
  clock.monotonic?.() ?? clock.now()

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
