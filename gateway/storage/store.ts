/**
 * The one SQLite file of the box, and the only importer of its driver.
 *
 * Writes go through group commit: all work of one event-loop turn shares one transaction and one
 * fsync (WAL, synchronous=FULL). Whoever must not speak before his words are kept awaits `commit`.
 */
import type Sqlite from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import { createCheckpointer } from './checkpointer.ts'
import { copyInWorker } from './copy-database.ts'
import { BUSY_TIMEOUT_MS, openDatabase } from './open-database.ts'
import { createScrubber } from './scrubber.ts'

export type SqlValue = string | number | bigint | Uint8Array | null

export interface Statement<R = unknown> {
  run(...params: SqlValue[]): { changes: number; lastInsertRowid: number | bigint }
  get(...params: SqlValue[]): R | undefined
  all(...params: SqlValue[]): R[]
  iterate(...params: SqlValue[]): IterableIterator<R>
}

/** A port that every room with state is given; rooms own their tables, storage owns the file. */
export interface Store {
  /** A prepared statement, kept for the life of the store. Throws at once on bad SQL. */
  prepare<R = unknown>(sql: string): Statement<R>
  /**
   * Runs `work` now, inside the transaction of this loop turn, and resolves with its result once the
   * transaction is on disk. If `work` throws, only its own writes are undone and the promise rejects
   * with its error; if the COMMIT fails, every promise of the turn rejects with `storage.write-failed`.
   * `work` is synchronous. Reads made later in the same turn see its writes.
   */
  commit<T>(work: () => T): Promise<T>
  /** Resolves when everything written so far is on disk (at once when nothing is open). */
  durable(): Promise<void>
  /**
   * Runs `work` inside the next transaction that anybody opens, at its end; where nobody does, after
   * LAZY_MS in one of its own, which waits for no disk. For what may be lost by a power cut and costs
   * an answer nothing. Given again before it ran, it runs once. It must not throw.
   */
  soon(work: () => void): void
  /** Called when a transaction is on disk, before anybody who waits for it goes on. */
  onCommit(listener: () => void): void
  /**
   * Called after a transaction or one work of it was lost, before anybody is told, so that state derived from it
   * in memory can be read anew.
   */
  onRollback(listener: () => void): void
  /**
   * Empties the write-ahead log, so that nothing is left of what was overwritten or deleted. False: a
   * reader of an older state has not ended within five seconds; it is done when he has.
   */
  scrub(): Promise<boolean>
  /** Online copy of the whole file as it was committed at one instant, while the box runs. */
  backup(path: string): Promise<void>
  /** Whether the last transaction could be written; a disk that is full or read-only shows here. */
  isWritable(): boolean
  /** Bytes of the file and its write-ahead log. */
  readonly path: string
  close(): Promise<void>
}

export interface StoreOptions {
  readonly path: string
  /** FULL stands a power cut; NORMAL (tests, benches) only a crash of the process. */
  readonly synchronous?: 'FULL' | 'NORMAL' | 'OFF'
  readonly readonly?: boolean
  /** Read-only, and of any version: for tables that have not changed since. */
  readonly anySchema?: boolean
  readonly pageCacheKib?: number
}

/**
 * Pages of the write-ahead log before the writer itself folds it into the file: 4 MB keeps that short.
 * With a thread for it only what the thread could not keep up with.
 */
const AUTOCHECKPOINT_PAGES = 1000
const AUTOCHECKPOINT_PAGES_BESIDE_THREAD = 20_000
/**
 * A turn that opens a transaction this soon after one that served several does not commit at once: under
 * load it waits for the work of the next millisecond, which costs one fsync less for each answer. Who
 * writes alone, one thing after the other, never waits.
 */
const CLOSE_MS = 0.5
const SEVERAL_WAITERS = 4
const GATHER_MS = 1
/** How long `soon` waits for somebody else's transaction. */
const LAZY_MS = 500

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** Codes of SQLite for a disk that is full, broken or read-only. */
const isOfTheDisk = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^SQLITE_(FULL|IOERR|READONLY)/.test(String(error.code))

export function openStore(options: StoreOptions): Store {
  const db = openDatabase(options)
  if (!options.readonly) db.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`)
  const { synchronous = 'FULL' } = options
  const foldAt = (pages: number) => void db.pragma(`wal_autocheckpoint = ${pages}`)
  const checkpointer = createCheckpointer({
    path: options.path,
    onStart: () => foldAt(AUTOCHECKPOINT_PAGES_BESIDE_THREAD),
    onEnd: () => foldAt(AUTOCHECKPOINT_PAGES),
  })
  const statements = new Map<string, Sqlite.Statement>()
  const lostListeners: (() => void)[] = []
  const keptListeners: (() => void)[] = []
  let waiters: Waiter[] = []
  let isOpen = false
  let isClosed = false
  let isWritable = true
  /** The disk did not take a part of the open transaction; the rest of it may be kept all the same. */
  let wasRefused = false
  /** When the last transaction that served several was on disk. */
  let sharedMs = Number.NEGATIVE_INFINITY

  let whenClosed: (() => void)[] = []
  const whenIdle = (work: () => void): void => {
    if (isClosed) return
    if (isOpen) whenClosed.push(work)
    else work()
  }
  const scrubber = createScrubber({ db, busyTimeoutMs: BUSY_TIMEOUT_MS, whenIdle })

  const lazy = new Set<() => void>()
  let lazyTimer: NodeJS.Timeout | undefined

  const begin = db.prepare('BEGIN IMMEDIATE')
  const commitNow = db.prepare('COMMIT')
  const savepoint = db.prepare('SAVEPOINT work')
  const release = db.prepare('RELEASE work')
  const undo = db.prepare('ROLLBACK TO work')

  function flush(): void {
    if (isOpen) endTransaction()
    const works = whenClosed
    whenClosed = []
    for (const work of works) work()
  }

  /** Crash story: before COMMIT returns, nothing of this turn is kept and nobody was told otherwise. */
  function endTransaction(): void {
    isOpen = false
    const settled = waiters
    waiters = []
    try {
      runLazy()
      commitNow.run()
      isWritable = !wasRefused
    } catch (cause) {
      isWritable = false
      if (db.inTransaction) db.exec('ROLLBACK')
      for (const lost of lostListeners) lost()
      const error = new GatewayError('storage.write-failed', { cause })
      for (const waiter of settled) waiter.reject(error)
      return
    }
    for (const kept of keptListeners) kept()
    for (const waiter of settled) waiter.resolve()
    if (checkpointer?.committed(settled.length)) foldRest()
    if (settled.length >= SEVERAL_WAITERS) sharedMs = performance.now()
  }

  function runLazy(): void {
    clearTimeout(lazyTimer)
    lazyTimer = undefined
    const works = [...lazy]
    lazy.clear()
    for (const work of works) work()
  }

  /** In WAL mode a NORMAL commit is as whole as any other, only not on disk before the next FULL one. */
  function commitLazy(): void {
    lazyTimer = undefined
    if (isOpen || isClosed || lazy.size === 0) return
    try {
      db.pragma('synchronous = NORMAL')
      begin.run()
      runLazy()
      commitNow.run()
    } catch {
      // Nobody waits for it. Whoever asked for it reads his tables anew and asks again.
      if (db.inTransaction) db.exec('ROLLBACK')
      for (const lost of lostListeners) lost()
    } finally {
      db.pragma(`synchronous = ${synchronous}`)
    }
  }

  function soon(work: () => void): void {
    lazy.add(work)
    if (!isOpen) lazyTimer ??= setTimeout(commitLazy, LAZY_MS)
  }

  function foldRest(): void {
    try {
      db.pragma('wal_checkpoint(PASSIVE)')
    } catch {
      // All of it is in the log; a disk that fails is told by the next COMMIT, to whom it concerns.
    }
  }

  function commit<T>(work: () => T): Promise<T> {
    if (isClosed) return Promise.reject(new GatewayError('storage.closed'))
    if (!isOpen) {
      try {
        begin.run()
      } catch (cause) {
        isWritable = false
        return Promise.reject(new GatewayError('storage.write-failed', { cause }))
      }
      isOpen = true
      wasRefused = false
      if (performance.now() - sharedMs < CLOSE_MS) setTimeout(flush, GATHER_MS)
      else setImmediate(flush)
    }
    savepoint.run()
    let result: T
    try {
      result = work()
    } catch (error) {
      return Promise.reject(undoWork(error))
    }
    release.run()
    return new Promise<T>((resolve, reject) => {
      waiters.push({ resolve: () => resolve(result), reject })
    })
  }

  /** A full disk or an I/O error may have ended the whole transaction: then everybody of the turn fails. */
  function undoWork(error: unknown): unknown {
    if (db.inTransaction) {
      wasRefused ||= isOfTheDisk(error)
      undo.run()
      release.run()
      for (const lost of lostListeners) lost()
      return error
    }
    isOpen = false
    isWritable = false
    const failed = new GatewayError('storage.write-failed', { cause: error })
    const settled = waiters
    waiters = []
    for (const lost of lostListeners) lost()
    for (const waiter of settled) waiter.reject(failed)
    return failed
  }

  return {
    path: options.path,
    prepare<R>(sql: string): Statement<R> {
      let statement = statements.get(sql)
      if (!statement) {
        statement = db.prepare(sql)
        statements.set(sql, statement)
      }
      return statement as unknown as Statement<R>
    },
    commit,
    soon,
    durable: () =>
      isOpen
        ? new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }))
        : Promise.resolve(),
    onCommit: (listener) => {
      keptListeners.push(listener)
    },
    onRollback: (listener) => {
      lostListeners.push(listener)
    },
    scrub: () => (isClosed ? Promise.reject(new GatewayError('storage.closed')) : scrubber.scrub()),
    isWritable: () => isWritable,
    backup: (path) => copyInWorker(options.path, path),
    close: async () => {
      if (isClosed) return
      flush()
      commitLazy()
      clearTimeout(lazyTimer)
      isClosed = true
      scrubber.close()
      await checkpointer?.close()
      db.close()
    },
  }
}
