/**
 * The time by which the core removes what is old. A clock that is wrong once must not empty the inbox, so
 * this time follows the clock no faster than a multiple of what the core itself has counted: it catches
 * up with rests of the machine, and leaves an operator days to set a clock that is ahead. What comes while
 * the clock is behind is dated by it too, or it would be old as soon as the clock is set.
 */
import type { Clock } from '../ports.ts'
import { DAY_MS } from './days.ts'
import type { CoreStore } from './storage.ts'

/**
 * A machine that is on for eight hours on five days of the week keeps up (4.2). With a clock that is
 * ahead and stays so, a day takes five days from those that are kept.
 */
export const MAX_PACE = 5

export interface ProvenTime {
  /** Milliseconds since 1970; never later than the clock. */
  now(): number
  /** What comes in now is dated so: never earlier than this time. */
  receiptMs(): number
  /** What it rests on is written; inside `store.commit`. */
  keep(): KeptTime
}

export interface KeptTime {
  /** As `now()`. */
  readonly nowMs: number
  /** It still followed any clock when it was kept last: dates up to now say nothing. */
  readonly isFirstDay: boolean
  /** The clock was behind when this run began, and was set: what is dated from then on came later than that. */
  readonly wasBehindFromMs: number | undefined
}

interface Row {
  provenMs: number
  countedMs: number
}

/** Goes on from what the last run kept. In the first day of a new core, when nothing is old yet, any clock counts. */
export function createProvenTime(store: CoreStore, clock: Clock): ProvenTime {
  const load = store.prepare<Row>(
    'SELECT proven_ms AS provenMs, counted_ms AS countedMs FROM core_time',
  )
  const save = store.prepare(
    `INSERT INTO core_time (id, proven_ms, counted_ms) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET proven_ms = excluded.proven_ms, counted_ms = excluded.counted_ms`,
  )
  let { provenMs, countedMs } = load.get() ?? { provenMs: clock.now(), countedMs: 0 }
  let keptCountedMs = countedMs
  let countedAt = clock.monotonic()
  const start = { clockMs: clock.now(), monotonicMs: countedAt, receiptMs: receiptMs() }

  function now(): number {
    const clockMs = Math.floor(clock.now())
    const passedMs = clock.monotonic() - countedAt
    countedAt += passedMs
    countedMs += passedMs
    const isFirstDay = countedMs < DAY_MS
    if (isFirstDay) provenMs = clockMs
    else provenMs = Math.max(provenMs, Math.min(clockMs, provenMs + passedMs * MAX_PACE))
    return Math.min(Math.floor(provenMs), clockMs)
  }

  function receiptMs(): number {
    now()
    return Math.max(Math.floor(provenMs), Math.floor(clock.now()))
  }

  /** Only on the first day of a run: a clock that leaps later has more likely gone wrong, or the machine slept. */
  function wasBehindFromMs(): number | undefined {
    const passedMs = clock.monotonic() - start.monotonicMs
    const aheadMs = clock.now() - start.clockMs - passedMs
    return passedMs < DAY_MS && aheadMs >= DAY_MS ? start.receiptMs : undefined
  }

  return {
    now,
    receiptMs,
    keep() {
      const nowMs = now()
      const isFirstDay = keptCountedMs < DAY_MS
      save.run(Math.floor(provenMs), Math.floor(countedMs))
      keptCountedMs = countedMs
      return { nowMs, isFirstDay, wasBehindFromMs: wasBehindFromMs() }
    },
  }
}
