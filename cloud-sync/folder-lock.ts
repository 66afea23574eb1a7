/** One process at a time in a data folder, of the box or of the core. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { Database } from './sqlite-driver.ts'

export interface FolderLock {
  /** Lets the next one in; more than once does nothing. The kernel does the same when the process dies. */
  release(): void
}

/** File of the lock. */
export const LOCK = 'lock'

/**
 * Takes the folder, which must be there; undefined when another process, or this one, has it. Throws what SQLite
 * says where the file cannot be made. Node has no file locks; SQLite's are the kernel's own, and end with the
 * process however it dies.
 */
export function lockFolder(folder: string): FolderLock | undefined {
  const file = join(folder, LOCK)
  const db = new Database(file, { timeout: 0 })
  try {
    chmodSync(file, 0o600)
    // Nothing is ever written in it: on a disk without room the lock must still be had.
    db.pragma('journal_mode = MEMORY')
    db.exec('BEGIN EXCLUSIVE')
    return { release: () => db.close() }
  } catch (error) {
    db.close()
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return
    throw error
  }
}
