/**
 * Empties the write-ahead log, so that no older image of a page is left in it: what was overwritten or
 * deleted is gone only then. SQLite cannot do it while anybody reads an older state (verify, export, a
 * backup), and would hold the whole process up while it waits; here it is tried between two turns.
 */
import { truncateLog } from '@kefu-edge/cloud-sync/truncate-log'
import type Sqlite from 'better-sqlite3'

/** Who asked waits five seconds; most readers are done by then. */
const TRY_EVERY_MS = 100
const TRIES = 50
/** After that it is still owed: an export of a long record takes minutes. */
const OWED_EVERY_MS = 5000

export interface Scrubber {
  /** True once the log is empty. False: somebody reads still, and it is done when he has ended. */
  scrub(): Promise<boolean>
  close(): void
}

/** `whenIdle` runs its work, at once or at the end of the open transaction; `busyTimeoutMs` is put back. */
export function createScrubber(parts: {
  readonly db: Sqlite.Database
  readonly busyTimeoutMs: number
  readonly whenIdle: (work: () => void) => void
}): Scrubber {
  const { db, busyTimeoutMs, whenIdle } = parts
  let waiters: ((isDone: boolean) => void)[] = []
  let tries = 0
  let timer: NodeJS.Timeout | undefined

  function tell(isDone: boolean): void {
    const told = waiters
    waiters = []
    for (const resolve of told) resolve(isDone)
  }

  function attempt(): void {
    clearTimeout(timer)
    timer = undefined
    tries += 1
    if (truncateLog(db, busyTimeoutMs)) tell(true)
    else if (tries < TRIES) timer = setTimeout(() => whenIdle(attempt), TRY_EVERY_MS)
    else {
      tell(false)
      // It keeps no command alive: the last to close the file, or the next start, empties the log too.
      timer = setTimeout(() => whenIdle(attempt), OWED_EVERY_MS).unref()
    }
  }

  return {
    scrub: () =>
      new Promise((resolve) => {
        waiters.push(resolve)
        tries = 0
        whenIdle(attempt)
      }),
    close: () => {
      clearTimeout(timer)
      tell(false)
    },
  }
}
