/** Opens the SQLite file with the settings that the promises stand on, at the schema of this program. */
import { truncateLog } from '@kefu-edge/cloud-sync/truncate-log'
import type Sqlite from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import { migrations } from './migrations/index.ts'
import { Database } from './sqlite-driver.ts'
import { storageError } from './storage-error.ts'
import type { StoreOptions } from './store.ts'

/** How long another process (backup, verify) may hold the file before a write gives up. */
export const BUSY_TIMEOUT_MS = 5000
/** Page cache: 8 MB is enough for a site's working set and keeps the box small. */
const CACHE_KIB = 8192

/**
 * Throws `storage.open-failed`, `storage.write-failed`, `storage.newer-schema`, and `storage.older-schema` where it
 * may only be read.
 */
export function openDatabase(options: StoreOptions): Sqlite.Database {
  try {
    const db = new Database(options.path, { readonly: options.readonly ?? false })
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    if (!options.readonly) {
      // What is deleted is overwritten, not only let go: words of persons pass through queues and sessions.
      db.pragma('secure_delete = ON')
      db.pragma('journal_mode = WAL')
      db.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`)
      // What a run left that ended in a crash; an erasure may have been its last word.
      truncateLog(db, BUSY_TIMEOUT_MS)
    }
    db.pragma(`cache_size = -${options.pageCacheKib ?? CACHE_KIB}`)
    db.pragma('foreign_keys = ON')
    db.pragma('temp_store = MEMORY')
    if (!options.anySchema) migrate(db, options)
    return db
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw storageError(options.path, cause)
  }
}

/** Brings the file to this program's schema, each step in its own transaction. */
function migrate(db: Sqlite.Database, options: StoreOptions): void {
  const known = migrations.map((step) => step.id)
  if (!options.readonly) {
    db.exec('CREATE TABLE IF NOT EXISTS migration (id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
  }
  const done = new Set(db.prepare('SELECT id FROM migration').pluck().all() as number[])
  for (const id of done) {
    if (!known.includes(id)) {
      throw new GatewayError('storage.newer-schema', { detail: `migration ${id}` })
    }
  }
  for (const step of migrations) {
    if (done.has(step.id)) continue
    if (options.readonly) throw new GatewayError('storage.older-schema', { detail: step.name })
    db.transaction(() => {
      db.exec(step.sql)
      db.prepare('INSERT INTO migration (id, name) VALUES (?, ?)').run(step.id, step.name)
    })()
  }
}
