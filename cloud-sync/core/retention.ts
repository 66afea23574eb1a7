/**
 * Removes entries from the inbox that are older than the core keeps, and were handed on where there is a
 * sink. Marks stay, so what comes again is still known. Contents of releases that are over go as well.
 */
import type { Clock, Logger } from '../ports.ts'
import { DAY_MS, dayOf } from './days.ts'
import { MAX_PACE, type ProvenTime } from './proven-time.ts'
import { STREAM_STRIDE } from './receive.ts'
import type { Releases } from './releases.ts'
import type { CoreStore } from './storage.ts'

/** Rows of one transaction: some milliseconds, so that batches never wait long behind a sweep. */
const CHUNK_ROWS = 5000
const SWEEP_EVERY_MS = 3_600_000
/** A clock that is ahead by less is a machine that was off for the weekend; behind by less, one that was set. */
const SAID_FROM_MS = 3 * DAY_MS
/** How often the log says so while it lasts. */
const SAID_EVERY_MS = DAY_MS

export interface Retention {
  start(): void
  close(): Promise<void>
  /** Removes what is due; how many entries that were. */
  sweepOnce(): Promise<number>
}

export interface RetentionOptions {
  readonly store: CoreStore
  readonly clock: Clock
  /** The one that receipts are dated by. */
  readonly time: ProvenTime
  readonly logger: Logger
  /** Whole days, from receipt to now by `time`; absent: entries stay for ever. */
  readonly retainDays?: number
  readonly releases?: Pick<Releases, 'dropOver'>
  /** Name of the sink whose marks hold entries back. */
  readonly sinkName?: string
}

export function createRetention(options: RetentionOptions): Retention {
  const { store, clock, time, logger } = options
  const due = store.prepare<{ streamNo: number; upTo: number }>(
    `SELECT no AS streamNo, min(
       coalesce((SELECT min(after_sequence) FROM stream_day
                 WHERE stream_no = stream.no AND day >= ?), high),
       iif(? = '', high, coalesce((SELECT sequence FROM sink_mark
                                    WHERE sink = ? AND stream_no = stream.no), 0))
     ) AS upTo FROM stream`,
  )
  const keys = store.prepare<{ key: number }>(
    'SELECT key FROM entry WHERE key > ? AND key <= ? ORDER BY key LIMIT ?',
  )
  const removeTurn = store.prepare(
    `DELETE FROM session_turn WHERE gateway_no = (SELECT gateway_no FROM stream WHERE no = ?)
       AND entry_key BETWEEN ? AND ?`,
  )
  const removeEntries = store.prepare('DELETE FROM entry WHERE key BETWEEN ? AND ?')
  const removeDisclosed = store.prepare('DELETE FROM disclosed_by WHERE entry_key BETWEEN ? AND ?')
  const removeSessions = store.prepare(
    `DELETE FROM session WHERE last_at < ? AND NOT EXISTS (SELECT 1 FROM session_turn
       WHERE session_turn.gateway_no = session.gateway_no AND session_id = session.id)`,
  )
  const removeDays = store.prepare('DELETE FROM stream_day WHERE day < ?')
  const removeDaysFrom = store.prepare('DELETE FROM stream_day WHERE day >= ? AND day < ?')
  const forgetDays = store.prepare('DELETE FROM stream_day')
  const dateAll = store.prepare('INSERT INTO stream_day SELECT no, ?, 0 FROM stream')
  const dateAnew = store.prepare(
    `INSERT INTO stream_day SELECT stream_no, ?, min(after_sequence) FROM stream_day
       WHERE day BETWEEN ? AND ? GROUP BY stream_no
     ON CONFLICT DO UPDATE SET after_sequence = excluded.after_sequence`,
  )
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<unknown> = Promise.resolve()
  let isClosed = false
  let saidAt: number | undefined

  async function sweepOnce(): Promise<number> {
    const provenMs = await store.commit(keepTime)
    await options.releases?.dropOver(provenMs)
    return options.retainDays === undefined ? 0 : sweepEntries(provenMs, options.retainDays)
  }

  /** Dates what came by a clock that has been set since as if it came today: that makes nothing old. */
  function keepTime(): number {
    const { nowMs, isFirstDay, wasBehindFromMs } = time.keep()
    const today = dayOf(time.receiptMs())
    if (isFirstDay) {
      forgetDays.run()
      dateAll.run(today)
    } else if (wasBehindFromMs !== undefined) {
      const from = dayOf(wasBehindFromMs)
      dateAnew.run(today, from, today)
      removeDaysFrom.run(from, today)
    }
    return nowMs
  }

  async function sweepEntries(provenMs: number, retainDays: number): Promise<number> {
    warnOfClock(provenMs)
    const firstKeptDay = dayOf(provenMs) - retainDays
    const sinkName = options.sinkName ?? ''
    let removed = 0
    for (const { streamNo, upTo } of due.all(firstKeptDay, sinkName, sinkName)) {
      removed += await sweepStream(streamNo, upTo)
    }
    await store.commit(() => {
      removeSessions.run(firstKeptDay * DAY_MS)
      removeDays.run(firstKeptDay)
    })
    if (removed > 0) logger.info({ removed }, 'removed entries that are older than is kept')
    return removed
  }

  async function sweepStream(streamNo: number, upTo: number): Promise<number> {
    const base = streamNo * STREAM_STRIDE
    let removed = 0
    while (!isClosed) {
      const chunk = keys.all(base, base + upTo, CHUNK_ROWS)
      const [first, last] = [chunk[0], chunk[chunk.length - 1]]
      if (!first || !last) break
      await store.commit(() => {
        removeTurn.run(streamNo, first.key, last.key)
        removeEntries.run(first.key, last.key)
        removeDisclosed.run(first.key, last.key)
      })
      removed += chunk.length
    }
    return removed
  }

  function warnOfClock(provenMs: number): void {
    const clockMs = clock.now()
    const isAhead = clockMs - provenMs >= SAID_FROM_MS
    const isBehind = time.receiptMs() - clockMs >= SAID_FROM_MS
    const isSaid = saidAt !== undefined && clock.monotonic() - saidAt < SAID_EVERY_MS
    if (isSaid || !(isAhead || isBehind)) return
    saidAt = clock.monotonic()
    const proven = isAhead ? provenMs : time.receiptMs()
    const days = Math.floor(Math.abs(clockMs - proven) / DAY_MS)
    logger.warn(
      { clockSays: new Date(clockMs).toISOString(), proven: new Date(proven).toISOString() },
      isAhead
        ? `the clock of the core is ${days} days ahead of the time that the core has proof of: old entries are removed by the latter. Set the clock if it is wrong (timedatectl); if it is right, nothing is to be done: the core catches up by ${MAX_PACE - 1} days a day`
        : `the clock of the core is ${days} days behind the time that the core has proof of: entries that come are dated by the latter, and nothing is removed until the clock has passed it. Set the clock if it is wrong (timedatectl); if it is right, it was ahead before, and what came since is kept for that much longer`,
    )
  }

  function sweep(): void {
    sweeping = sweepOnce().catch((error: unknown) => {
      logger.error({ error }, 'removing old entries failed; tried again in an hour')
    })
  }

  return {
    start() {
      sweep()
      timer ??= setInterval(sweep, SWEEP_EVERY_MS)
      timer.unref()
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      await sweeping
      // A clock that was set since the last sweep: the next run would not know that it was behind.
      await store.commit(keepTime).catch((error: unknown) => {
        logger.error(
          { error },
          'the time could not be kept; where the clock was set within the hour, what came before it may be removed early',
        )
      })
    },
    sweepOnce,
  }
}
