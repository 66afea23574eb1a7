/** Rows of sessions that have ended and whose queue is still to be cleared. SQL only, so that it works without a broker too. */
import type { Statement, Store } from '../../../storage/store.ts'
import { QUEUE_SQL } from '../queues/queue-rows.ts'

/** Rows deleted in one transaction, at the end of somebody else's where there is one: 1 to 2 ms, and no fsync. */
export const SLICE = 200

export const ENDED_SQL = {
  clearSome: `DELETE FROM mqtt_queue WHERE seq IN
    (SELECT seq FROM mqtt_queue WHERE session_id = ? ORDER BY seq LIMIT ?)`,
  clearShared: 'DELETE FROM mqtt_queue WHERE session_id = ? AND share IS NOT NULL',
  anyShared: 'SELECT 1 FROM mqtt_queue WHERE session_id = ? AND share IS NOT NULL LIMIT 1',
  put: 'INSERT OR IGNORE INTO mqtt_ended (session_id) VALUES (?)',
  any: 'SELECT min(session_id) AS id FROM mqtt_ended',
  remove: 'DELETE FROM mqtt_ended WHERE session_id = ?',
} as const

type Writes = 'clearReceived' | 'clearSome' | 'clearShared' | 'put' | 'remove'

export class EndedRows {
  private readonly sql: Record<Writes, Statement>
  private readonly anyShared: Statement
  private readonly any: Statement<{ id: number | null }>

  constructor(store: Store) {
    this.sql = {
      clearReceived: store.prepare(QUEUE_SQL.clearReceived),
      clearSome: store.prepare(ENDED_SQL.clearSome),
      clearShared: store.prepare(ENDED_SQL.clearShared),
      put: store.prepare(ENDED_SQL.put),
      remove: store.prepare(ENDED_SQL.remove),
    }
    this.anyShared = store.prepare(ENDED_SQL.anyShared)
    this.any = store.prepare(ENDED_SQL.any)
  }

  /**
   * Begins to clear the queue of a session; false: more is left, and noted, as where something of it came by
   * a group. The number of such a session is not given again until the last row is gone. Inside `store.commit`.
   */
  begin(sessionRow: number): boolean {
    this.note(sessionRow)
    return this.anyShared.get(sessionRow) === undefined && this.clearSlice(sessionRow)
  }

  /** Leaves all of it for later. Inside `store.commit`. */
  note(sessionRow: number): void {
    this.sql.clearReceived.run(sessionRow)
    this.sql.put.run(sessionRow)
  }

  /** What came by a group, and has gone back to it. Inside `store.commit`. */
  clearShared(sessionRow: number): void {
    this.sql.clearShared.run(sessionRow)
  }

  /** One that is noted; null: none is. */
  next(): number | null {
    return this.any.get()?.id ?? null
  }

  /** Whether that was all; then it is noted no more. Inside `store.commit` or `store.soon`. */
  clearSlice(sessionRow: number): boolean {
    const isAll = this.sql.clearSome.run(sessionRow, SLICE).changes < SLICE
    if (isAll) this.sql.remove.run(sessionRow)
    return isAll
  }
}
