/** Time as a value, so that a test or a replay can set it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Monotonic milliseconds, for durations. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
