/**
 * Queues of sessions that have ended, cleared a little at a time: what is deleted is overwritten, and
 * 10,000 messages of 3 KB in one stretch held everybody up for a quarter of a second. What came by a group
 * and is still in such a queue, as there was much of it or its device was removed, goes back to its group
 * first, after a restart once the members have had time to come back.
 */
import type { Store } from '../../../storage/store.ts'
import { type Delivery, mayGoToAnother } from '../queues/delivery.ts'
import type { QueueRows } from '../queues/queue-rows.ts'
import { EndedRows, SLICE } from './ended-rows.ts'

/** Between two slices the others have the loop. */
const PAUSE_MS = 20
/** After a write that failed: a full disk is not mended sooner. And where a session in memory is still to end. */
const RETRY_MS = 1000

export interface EndedQueueParts {
  readonly store: Store
  readonly queue: QueueRows
  /** Whether a session in memory still has this row: its end comes, and settles what it holds. */
  readonly isHeld: (sessionRow: number) => boolean
  /** To another member than that with this client id: it began anew, and may be in the group again. */
  readonly returnToGroup: (delivery: Delivery, exceptClientId: string | undefined) => void
}

export class EndedQueues {
  private readonly parts: EndedQueueParts
  private readonly rows: EndedRows
  /** Whose sessions of this run they were of which something goes back to a group. */
  private readonly clientIds = new Map<number, string>()
  private timer: NodeJS.Timeout | undefined
  private isClosed = false
  /** What an earlier run has left is not gone on with yet. */
  private isResting = false

  constructor(parts: EndedQueueParts) {
    this.parts = parts
    this.rows = new EndedRows(parts.store)
  }

  /**
   * Clears the queue of a session that ends, a short one at once. What came by a group is the caller's to
   * give back, in the same transaction. Inside `store.commit`.
   */
  clear(sessionRow: number): void {
    this.rows.clearShared(sessionRow)
    this.begin(sessionRow)
  }

  /** As `clear`, and gives back what came by a group, a little at a time. Inside `store.commit`. */
  leave(sessionRow: number, clientId: string): void {
    this.clientIds.set(sessionRow, clientId)
    this.begin(sessionRow)
  }

  private begin(sessionRow: number): void {
    // Its turn comes after those that are being cleared.
    if (this.timer !== undefined || this.isResting) this.rows.note(sessionRow)
    else if (!this.rows.begin(sessionRow)) this.goOn()
  }

  /** Leaves what an earlier run has left until `resume`: to groups without members nothing can be given back. */
  restore(): void {
    this.isResting = this.rows.next() !== null
  }

  /** Goes on with it. */
  resume(): void {
    this.isResting = false
    this.goOn()
  }

  private goOn(afterMs = PAUSE_MS): void {
    if (this.isClosed) return
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.next()
    }, afterMs).unref()
  }

  /** What is left is cleared by the next run. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
  }

  private next(): void {
    const id = this.rows.next()
    if (id === null) return
    if (this.parts.isHeld(id)) this.goOn(RETRY_MS)
    else if (!this.giveBack(id)) this.parts.store.soon(this.clearNext)
  }

  /** Gives some messages back to their groups and removes them in the same transaction; false: there are none. */
  private giveBack(sessionRow: number): boolean {
    const { store, queue, returnToGroup } = this.parts
    const shared = queue.shared(sessionRow, SLICE)
    if (shared.length === 0) return false
    const removed = store.commit(() => {
      for (const { seq } of shared) queue.remove(seq)
    })
    const clientId = this.clientIds.get(sessionRow)
    for (const one of shared) if (mayGoToAnother(one)) returnToGroup(one, clientId)
    removed.then(
      () => this.goOn(),
      () => this.goOn(RETRY_MS),
    )
    return true
  }

  /** What a power cut takes back is done again by the next run: it is still noted. */
  private readonly clearNext = (): void => {
    try {
      const id = this.rows.next()
      if (id !== null && !this.parts.isHeld(id) && this.rows.clearSlice(id))
        this.clientIds.delete(id)
      this.goOn()
    } catch {
      this.goOn(RETRY_MS)
    }
  }
}
