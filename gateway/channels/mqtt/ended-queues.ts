/**
 * Queues of sessions that have ended, cleared a little at a time: what is deleted is overwritten, and
 * 10,000 messages of 3 KB in one stretch held everybody up for a quarter of a second.
 */
import type { Store } from '../../storage/store.ts'
import type { QueueRows } from './queue-rows.ts'

/** Rows deleted in one transaction, at the end of somebody else's where there is one: 1 to 2 ms, and no fsync. */
const SLICE = 200
/** Between two of them the others have the loop. */
const PAUSE_MS = 20
/** After a write that failed: a full disk is not mended sooner. */
const RETRY_MS = 1000

export class EndedQueues {
  private readonly store: Store
  private readonly rows: QueueRows
  private timer: NodeJS.Timeout | undefined
  private isClosed = false

  constructor(store: Store, rows: QueueRows) {
    this.store = store
    this.rows = rows
  }

  /** Clears the queue of a session that ends, the first part at once. Inside `store.commit`. */
  clear(sessionRow: number): void {
    if (this.rows.clearSome(sessionRow, SLICE)) return
    this.rows.putEnded(sessionRow)
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
      if (this.rows.clearEnded(SLICE)) this.goOn()
    } catch {
      this.goOn(RETRY_MS)
    }
  }
}
