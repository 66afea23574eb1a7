import type { Clock } from '../../gateway/clock.ts'

/** A clock that stands still until it is told to move. */
export function handClock(
  startMs = Date.UTC(2026, 4, 1, 2, 0),
): Clock & { advance(ms: number): void } {
  let nowMs = startMs
  return {
    now: () => nowMs,
    monotonic: () => nowMs - startMs,
    advance: (ms) => {
      nowMs += ms
    },
  }
}
