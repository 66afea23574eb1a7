/**
 * The core's SQLite file, and the only importer of its driver in cloud-sync.
 *
 * Group commit: all batches that arrive within one turn of the event loop share one transaction and one
 * fsync (WAL, synchronous=FULL); an acknowledgement waits for `commit`.
 */
import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { CloudError } from '../errors.ts'
import { Database } from '../sqlite-driver.ts'
import { truncateLog } from '../truncate-log.ts'
import { migrations } from './schema.ts'

export type SqlValue = string | number | Uint8Array | null

export interface Statement<R = unknown> {
  run(...params: SqlValue[]): {
    readonly changes: number
    readonly lastInsertRowid: number | bigint
  }
  get(...params: SqlValue[]): R | undefined
  all(...params: SqlValue[]): R[]
}

export interface CoreStore {
  prepare<R = unknown>(sql: string): Statement<R>
  /**
   * Runs `work` in the transaction of this loop turn and resolves once it is on disk. When `work` throws,
   * only its own writes are undone. Rejects with `core.storage` when the disk does not take it.
   */
  commit<T>(work: () => T): Promise<T>
  /**
   * Something was erased: the write-ahead log, with its older images of pages, is emptied after the commit,
   * or as soon as nobody reads an older state any more.
   */
  scrubSoon(): void
  /** Resolves once the open transaction, if there is one, is on disk. */
  close(): void
}

/** 16 MB between checkpoints: at 20,000 entries/s about two seconds of writing. */
const WAL_AUTOCHECKPOINT_PAGES = 4000
const CACHE_KIB = 32_768
/** How long another program (a copy, a look with sqlite3) may hold the file before a write gives up. */
const BUSY_TIMEOUT_MS = 5000
/** A reader of an older state may take its time; no batch waits for it. */
const SCRUB_AGAIN_MS = 1000

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** Opens `core.db` in the folder and brings it to this program's schema. Throws `core.database`. */
export function openCoreStore(dataDir: string): CoreStore {
  const file = join(dataDir, 'core.db')
  try {
    return createStore(openDatabase(file))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CloudError('core.database', { cause, detail: `${file}: ${why}` })
  }
}

function openDatabase(file: string): Sqlite.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma(`wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`)
  db.pragma(`cache_size = -${CACHE_KIB}`)
  db.pragma('foreign_keys = ON')
  // What was shown of an erased person is overwritten, not only let go.
  db.pragma('secure_delete = ON')
  migrate(db)
  // What a run left that ended in a crash; an erasure may have been its last word.
  truncateLog(db, BUSY_TIMEOUT_MS)
  return db
}

function createStore(db: Sqlite.Database): CoreStore {
  const statements = new Map<string, Sqlite.Statement>()
  const begin = db.prepare('BEGIN IMMEDIATE')
  const end = db.prepare('COMMIT')
  const savepoint = db.prepare('SAVEPOINT work')
  const release = db.prepare('RELEASE work')
  const undo = db.prepare('ROLLBACK TO work')
  let waiters: Waiter[] = []
  let isScrubDue = false
  let scrubTimer: NodeJS.Timeout | undefined

  function failAll(cause: unknown): CloudError {
    if (db.inTransaction) db.exec('ROLLBACK')
    const error = new CloudError('core.storage', { cause, detail: String(cause) })
    const lost = waiters
    waiters = []
    for (const waiter of lost) waiter.reject(error)
    return error
  }

  /** Crash story: before COMMIT returns nobody was told that anything of this turn is kept. */
  function flush(): void {
    if (!db.open || !db.inTransaction) return
    try {
      end.run()
    } catch (cause) {
      failAll(cause)
      return
    }
    const kept = waiters
    waiters = []
    for (const waiter of kept) waiter.resolve()
    scrubIfDue()
  }

  function scrubIfDue(): void {
    if (!isScrubDue || scrubTimer || !db.open || db.inTransaction) return
    isScrubDue = !truncateLog(db, BUSY_TIMEOUT_MS)
    if (!isScrubDue) return
    scrubTimer = setTimeout(() => {
      scrubTimer = undefined
      scrubIfDue()
    }, SCRUB_AGAIN_MS).unref()
  }

  function begun(): void {
    if (db.inTransaction) return
    try {
      begin.run()
    } catch (cause) {
      throw failAll(cause)
    }
    setImmediate(flush)
  }

  function work<T>(write: () => T): T {
    begun()
    savepoint.run()
    try {
      const result = write()
      release.run()
      return result
    } catch (error) {
      // A full disk ends the whole transaction: then everybody of this turn is told.
      if (!db.inTransaction) throw failAll(error)
      undo.run()
      release.run()
      throw isOfDisk(error) ? new CloudError('core.storage', { cause: error }) : error
    }
  }

  return {
    prepare<R>(sql: string): Statement<R> {
      let statement = statements.get(sql)
      if (!statement) {
        statement = db.prepare(sql)
        statements.set(sql, statement)
      }
      return statement as unknown as Statement<R>
    },
    async commit(write) {
      const result = work(write)
      await new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }))
      return result
    },
    scrubSoon() {
      isScrubDue = true
      setImmediate(scrubIfDue)
    },
    close() {
      flush()
      clearTimeout(scrubTimer)
      db.close()
    },
  }
}

/** A full disk is the disk's fault; a broken constraint is this program's, or the batch's. */
function isOfDisk(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    /^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|CORRUPT|NOMEM)/.test(error.code)
  )
}

function migrate(db: Sqlite.Database): void {
  db.exec('CREATE TABLE IF NOT EXISTS migration (id INTEGER PRIMARY KEY)')
  const done = new Set(db.prepare('SELECT id FROM migration').pluck().all() as number[])
  const newest = Math.max(...migrations.map(({ id }) => id))
  if (Math.max(0, ...done) > newest) throw new Error('made by a newer core')
  for (const step of migrations) {
    if (done.has(step.id)) continue
    db.transaction(() => {
      db.exec(step.sql)
      db.prepare('INSERT INTO migration (id) VALUES (?)').run(step.id)
    })()
  }
}
