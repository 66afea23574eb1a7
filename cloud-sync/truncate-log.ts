/** Empties SQLite's write-ahead log: older images of pages are left in it until then. For gateway and core. */

interface Connection {
  pragma(text: string): unknown
}

/**
 * One try, that waits for nobody; outside any transaction. False: somebody reads an older state, or the
 * disk does not take it. `busyTimeoutMs`: what the connection waits for otherwise, put back.
 */
export function truncateLog(db: Connection, busyTimeoutMs: number): boolean {
  try {
    db.pragma('busy_timeout = 0')
    const [done] = db.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[]
    return done?.busy === 0
  } catch {
    // A full or broken disk is told by the next COMMIT, to whom it concerns; the log is still owed.
    return false
  } finally {
    db.pragma(`busy_timeout = ${busyTimeoutMs}`)
  }
}
