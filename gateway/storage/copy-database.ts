/**
 * SQLite's online backup on a connection of its own, on a thread of its own: one step, so the copy is
 * the database at one instant, and no answer waits for it.
 *
 * Never on the connection that writes. While that one is in a transaction (which group commit nearly
 * always is) the first step of a backup is refused as busy, and better-sqlite3 takes "no pages left of
 * none" for done: the copy is an empty file.
 */
import { Worker } from 'node:worker_threads'
import { Database } from './sqlite-driver.ts'

/** All there is; the reader's snapshot keeps writers going meanwhile. */
const EVERY_PAGE = 0x7fffffff
const BUSY_TIMEOUT_MS = 5000

/** Copies in this thread. Throws what SQLite throws, and where the copy is not whole. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new Database(from, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
  try {
    const pages = db.pragma('page_count', { simple: true }) as number
    const { totalPages, remainingPages } = await db.backup(to, { progress: () => EVERY_PAGE })
    // The database may have grown since it was counted; it never shrinks.
    if (remainingPages > 0 || totalPages < pages) {
      throw new Error(`${totalPages - remainingPages} of ${pages} pages were copied`)
    }
  } finally {
    db.close()
  }
}

/** Copies on another thread. */
export function copyInWorker(from: string, to: string): Promise<void> {
  // Run from the sources (tests, tools) there is no compiled file that a worker could load.
  if (import.meta.url.endsWith('.ts')) return copyDatabase(from, to)
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./copy-worker.js', import.meta.url), {
      workerData: { from, to },
    })
    worker.once('message', () => resolve())
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the copying worker ended with code ${code}`)))
  })
}
