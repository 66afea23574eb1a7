/**
 * Waiting messages that are older than their rows say, as the rest before this run became known after its start.
 * Their rows are written anew a little at a time: 200,000 of 3 KB in one stretch held everybody up for 18 s. The
 * transaction of each slice notes how far it came, so that no crash makes a message older twice; whoever reads a
 * row before its turn counts the difference in by `olderBy`.
 */
import type { Store } from '../../../storage/store.ts'
import { InSlices } from '../in-slices.ts'

/** Rows written anew in one transaction: 2 to 5 ms, by their size. */
const SLICE = 50

interface Aging {
  readonly id: number
  readonly by_ms: number
  readonly done_seq: number
  readonly last_seq: number
}

export const AGING_SQL = {
  put: 'INSERT INTO mqtt_aging (by_ms, done_seq, last_seq) VALUES (?, 0, ?)',
  reached: 'UPDATE mqtt_aging SET done_seq = ? WHERE id = ?',
  remove: 'DELETE FROM mqtt_aging WHERE id = ?',
  lastOfSlice: `SELECT max(seq) AS seq FROM
    (SELECT seq FROM mqtt_queue WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?)`,
  age: `UPDATE mqtt_queue SET expires_at = expires_at - ?, drop_at = drop_at - ?
    WHERE seq > ? AND seq <= ?`,
} as const

/** Read and changed whole: a row or two. */
const ALL = 'SELECT id, by_ms, done_seq, last_seq FROM mqtt_aging ORDER BY id'
const LIMIT = 'UPDATE mqtt_aging SET last_seq = min(last_seq, ?)'

type Writes = 'put' | 'limit' | 'reached' | 'remove' | 'age'

export class QueueAging {
  /** The last message of earlier runs. */
  private readonly lastSeq: number
  private readonly all
  private readonly lastOfSlice
  private readonly sql: Record<Writes, ReturnType<Store['prepare']>>
  private readonly slices: InSlices
  private pending: readonly Aging[] = []
  private isClosed = false

  /** `lastSeq` is the last message of earlier runs. Goes on with what an earlier run has not come to. */
  constructor(store: Store, lastSeq: number) {
    this.lastSeq = lastSeq
    this.all = store.prepare<Aging>(ALL)
    this.lastOfSlice = store.prepare<{ seq: number | null }>(AGING_SQL.lastOfSlice)
    this.sql = {
      put: store.prepare(AGING_SQL.put),
      limit: store.prepare(LIMIT),
      reached: store.prepare(AGING_SQL.reached),
      remove: store.prepare(AGING_SQL.remove),
      age: store.prepare(AGING_SQL.age),
    }
    this.slices = new InSlices(store, this.ageSlice, this.reload)
    store.onRollback(this.reload)
    this.reload()
    if (this.pending.length === 0) return
    // Numbers above it are given again, to messages of now.
    store.commit(() => this.sql.limit.run(lastSeq)).then(this.reload, this.reload)
    this.slices.goOn()
  }

  /** How much older a waiting message is than its row says. */
  olderBy(seq: number): number {
    let byMs = 0
    for (const one of this.pending) {
      if (seq > one.done_seq && seq <= one.last_seq) byMs += one.by_ms
    }
    return byMs
  }

  /** Makes those of earlier runs older: a short queue at once. Inside `store.commit`. */
  begin(byMs: number): void {
    this.sql.put.run(byMs, this.lastSeq)
    this.reload()
    if (this.ageSlice()) this.slices.goOn()
  }

  /** A write of it was lost. */
  readonly reload = (): void => {
    if (this.isClosed) return
    this.pending = this.all.all()
  }

  /** What is left is done by the next run. */
  close(): void {
    this.isClosed = true
    this.slices.close()
  }

  private readonly ageSlice = (): boolean => {
    const [first] = this.pending
    if (first === undefined) return false
    const { id, by_ms: byMs, done_seq: from, last_seq: last } = first
    const to = this.lastOfSlice.get(from, last, SLICE)?.seq ?? null
    if (to !== null) this.sql.age.run(byMs, byMs, from, to)
    if (to === null || to === last) this.sql.remove.run(id)
    else this.sql.reached.run(to, id)
    this.reload()
    return this.pending.length > 0
  }
}
