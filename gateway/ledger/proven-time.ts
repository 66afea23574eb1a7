/**
 * The time by which keys are destroyed and entries removed. What is destroyed does not come back, so a
 * clock, or a cloud core, that is months ahead must not decide it alone: this time goes on by what
 * the box counts itself, and takes a jump only where it is as long as a rest, or where both agree.
 */
const DAY_MS = 86_400_000
/**
 * A shop or a school that is switched off over the longest public holidays. So many days at the most
 * does a wrong clock cost; the shortest terms are half a year.
 */
const LONGEST_UNPROVEN_DAYS = 10
export const LONGEST_UNPROVEN_MS = LONGEST_UNPROVEN_DAYS * DAY_MS

export interface ProvenTime {
  /** The latest time that is proven, where the best knowledge is `nowMs`; never later than that. */
  upTo(nowMs: number): number
  /** Clock and core agree, or an operator says so: it is this time. */
  prove(nowMs: number): void
}

/**
 * `savedMs`: as the last run left it; absent in a new box, which on its first day believes any jump,
 * since it has nothing yet that could be old. Jumps of one run count together: small steps make no big one.
 */
export function createProvenTime(start: {
  readonly savedMs: number | undefined
  readonly earliestMs: number
  readonly monotonic: () => number
}): ProvenTime {
  const { savedMs, earliestMs, monotonic } = start
  const startedAt = monotonic()
  let base = { atMs: savedMs ?? earliestMs, monotonic: startedAt }
  let believedMs = 0

  const counted = (): number => base.atMs + monotonic() - base.monotonic
  const isFirstDay = (): boolean => savedMs === undefined && monotonic() - startedAt < DAY_MS
  const stand = (atMs: number): void => {
    base = { atMs, monotonic: monotonic() }
  }

  return {
    upTo: (nowMs) => {
      const jumpMs = nowMs - counted()
      if (jumpMs > 0 && isFirstDay()) stand(nowMs)
      else if (jumpMs > 0 && believedMs + jumpMs <= LONGEST_UNPROVEN_MS) {
        believedMs += jumpMs
        stand(nowMs)
      }
      return Math.floor(Math.min(nowMs, counted()))
    },
    prove: (nowMs) => {
      stand(nowMs)
      believedMs = 0
    },
  }
}
