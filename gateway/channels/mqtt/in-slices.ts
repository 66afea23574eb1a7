/** Long work on rows, a little at a time: each slice is a transaction, and one that was lost is tried again. */
import type { Store } from '../../storage/store.ts'

/** Between two slices the others have the loop, and the disk. */
const PAUSE_MS = 20
/** After a write that failed: a full disk is not mended sooner. */
const RETRY_MS = 1000

export class InSlices {
  private readonly store: Store
  private readonly slice: () => boolean
  private readonly onLost: () => void
  private timer: NodeJS.Timeout | undefined
  private isClosed = false

  /** `slice` runs inside `store.commit` and says whether more may be left; `onLost` hears that it was undone. */
  constructor(store: Store, slice: () => boolean, onLost: () => void = () => {}) {
    this.store = store
    this.slice = slice
    this.onLost = onLost
  }

  /** After a pause, until nothing is left. */
  goOn(afterMs = PAUSE_MS): void {
    if (!this.isClosed) this.timer ??= setTimeout(this.next, afterMs).unref()
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
  }

  private readonly next = (): void => {
    this.timer = undefined
    this.store.commit(this.slice).then(
      (isMore) => {
        if (isMore) this.goOn()
      },
      () => {
        this.onLost()
        this.goOn(RETRY_MS)
      },
    )
  }
}
