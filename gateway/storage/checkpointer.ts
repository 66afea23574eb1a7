/**
 * Folds the write-ahead log into the database on a thread of its own: a fold copies thousands of pages
 * and waits for the disk twice, and every answer of that moment would wait with it.
 *
 * A log under constant writing never ends for the other thread, so the writer itself folds the few
 * pages that came meanwhile; then its next transaction begins the log anew.
 */
import { Worker } from 'node:worker_threads'
import type Sqlite from 'better-sqlite3'
import { Database } from './sqlite-driver.ts'

/** Pages of the log worth a fold. */
const FOLD_PAGES = 1000
/** What a transaction and each work in it write, about; only says when to look. */
const PAGES_PER_COMMIT = 2
const PAGES_PER_WORK = 0.5
/**
 * So many pages in less time are more than the writer should fold itself: from about 80 asks a second on each
 * fold would hold some of them for the time of two fsyncs, and again with the next transaction while anybody reads.
 */
const BUSY_MS = 5000
/** A log of 32 MB is read back in a second after a power cut; from here on it is begun anew. */
const LONG_LOG_PAGES = 8000
/** Left over after a pass of the thread, at most: the writer folds so many in a few milliseconds. */
const FEW_PAGES = 200
const MAX_PASSES = 4
const BUSY_TIMEOUT_MS = 1000

interface Folded {
  readonly busy: number
  /** Pages in the log, */
  readonly log: number
  /** and how many of them are in the database. */
  readonly checkpointed: number
}

export interface Checkpointer {
  /**
   * A transaction with so many works is on disk. True: the writer folds what is left, before its next
   * transaction.
   */
  committed(works: number): boolean
  close(): Promise<void>
}

/**
 * `onStart` is called when the thread takes over from SQLite's own folding, `onEnd` should it fail.
 * Undefined where no thread can be had: run from the sources there is no compiled file to load.
 */
export function createCheckpointer(parts: {
  readonly path: string
  readonly onStart: () => void
  readonly onEnd: () => void
}): Checkpointer | undefined {
  if (import.meta.url.endsWith('.ts')) return undefined
  let worker: Worker | undefined
  let state: 'idle' | 'folding' | 'rest-due' | 'failed' = 'idle'
  let pages = 0
  let sinceMs = 0

  /** Started under load: a box that is asked now and then does not pay for the thread. */
  function start(): Worker {
    const { path } = parts
    const started = new Worker(new URL('./checkpoint-worker.js', import.meta.url), {
      workerData: { path },
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 },
    })
    started.unref()
    started.on('message', ({ log, checkpointed }: Folded) => {
      const isLong = log >= LONG_LOG_PAGES && log - checkpointed <= FEW_PAGES
      state = isLong ? 'rest-due' : 'idle'
    })
    started.on('error', () => {
      state = 'failed'
      parts.onEnd()
    })
    parts.onStart()
    return started
  }

  return {
    committed(works) {
      pages += PAGES_PER_COMMIT + works * PAGES_PER_WORK
      if (state === 'rest-due') {
        state = 'idle'
        return true
      }
      if (pages < FOLD_PAGES || state !== 'idle') return false
      const nowMs = performance.now()
      if (worker || nowMs - sinceMs < BUSY_MS) {
        worker ??= start()
        state = 'folding'
        worker.postMessage('fold')
      }
      pages = 0
      sinceMs = nowMs
      return false
    },
    close: async () => {
      await worker?.terminate()
    },
  }
}

/**
 * Folds in this thread, on a connection of its own, until few pages are left; says how far it got. A disk
 * that fails is the writer's to report: all is in the log still.
 */
export function foldLog(path: string): () => Folded {
  const db = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
  return () => {
    try {
      return fold(db)
    } catch {
      return { busy: 1, log: 0, checkpointed: 0 }
    }
  }
}

function fold(db: Sqlite.Database): Folded {
  for (let pass = 1; ; pass++) {
    const [folded] = db.pragma('wal_checkpoint(PASSIVE)') as [Folded]
    const isEnough = folded.log - folded.checkpointed <= FEW_PAGES
    if (isEnough || folded.busy || pass === MAX_PASSES) return folded
  }
}
