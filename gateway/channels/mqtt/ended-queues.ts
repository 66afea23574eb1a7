/**
 * Queues of sessions that have ended, cleared a little at a time: what is deleted is overwritten, and
 * 10,000 messages of 3 KB in one stretch held everybody up for a quarter of a second.
 */
import type { Statement, Store } from '../../storage/store.ts'
import { QUEUE_SQL } from './queue-rows.ts'

/** Rows deleted in one transaction, at the end of somebody else's where there is one: 1 to 2 ms, and no fsync. */
const SLICE = 200
/** Between two of them the others have the loop. */
const PAUSE_MS = 20
/** After a write that failed: a full disk is not mended sooner. */
const RETRY_MS = 1000

export const ENDED_SQL = {
  clearSome: `DELETE FROM mqtt_queue WHERE seq IN
    (SELECT seq FROM mqtt_queue WHERE session_id = ? ORDER BY seq LIMIT ?)`,
  put: 'INSERT OR IGNORE INTO mqtt_ended (session_id) VALUES (?)',
  any: 'SELECT min(session_id) AS id FROM mqtt_ended',
  remove: 'DELETE FROM mqtt_ended WHERE session_id = ?',
} as const

export class EndedQueues {
  private readonly store: Store
  private readonly sql: Record<'clearReceived' | 'clearSome' | 'put' | 'remove', Statement>
  private readonly any: Statement<{ id: number | null }>
  private timer: NodeJS.Timeout | undefined
  private isClosed = false

  constructor(store: Store) {
    this.store = store
    this.sql = {
      clearReceived: store.prepare(QUEUE_SQL.clearReceived),
      clearSome: store.prepare(ENDED_SQL.clearSome),
      put: store.prepare(ENDED_SQL.put),
      remove: store.prepare(ENDED_SQL.remove),
    }
    this.any = store.prepare(ENDED_SQL.any)
  }

  /** Clears the queue of a session that ends, the first part at once. Inside `store.commit`. */
  clear(sessionRow: number): void {
    this.sql.clearReceived.run(sessionRow)
    if (this.clearSlice(sessionRow)) return
    // From here on its number is not given again until the last row is gone.
    this.sql.put.run(sessionRow)
    this.goOn()
  }

  /** Goes on with what is left, as after a restart. */
  goOn(afterMs = PAUSE_MS): void {
    if (this.isClosed) return
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.store.soon(this.clearNext)
    }, afterMs).unref()
  }

  /** What is left is cleared by the next run. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
  }

  /** What a power cut takes back is done again by the next run: it is still noted. */
  private readonly clearNext = (): void => {
    try {
      const id = this.any.get()?.id ?? null
      if (id === null) return
      if (this.clearSlice(id)) this.sql.remove.run(id)
      this.goOn()
    } catch {
      this.goOn(RETRY_MS)
    }
  }

  /** Whether that was all. */
  private clearSlice(sessionRow: number): boolean {
    return this.sql.clearSome.run(sessionRow, SLICE).changes < SLICE
  }
}
