/** Things to do at a broker time: one timer for all of them. */

export interface Deadline {
  readonly atMs: number
  readonly run: () => void
  isCancelled: boolean
}

/** Longest sleep of the one timer: setTimeout overflows beyond 2^31 ms. */
const MAX_SLEEP_MS = 3_600_000

/** Cancelled deadlines that are not worth looking through the rest for. */
const COMPACT_AT = 256

export class Deadlines {
  private readonly now: () => number
  private readonly heap: Deadline[] = []
  private cancelled = 0
  private timer: NodeJS.Timeout | undefined
  private timerAtMs = Number.POSITIVE_INFINITY

  constructor(now: () => number) {
    this.now = now
  }

  /** Deadlines held, cancelled ones included. */
  get size(): number {
    return this.heap.length
  }

  at(atMs: number, run: () => void): Deadline {
    const deadline: Deadline = { atMs, run, isCancelled: false }
    this.heap.push(deadline)
    this.siftUp(this.heap.length - 1)
    if (atMs < this.timerAtMs) this.arm()
    return deadline
  }

  /** Takes a deadline back. Those taken back are dropped in bulk, so that they do not pile up until their time. */
  cancel(deadline: Deadline): void {
    if (deadline.isCancelled) return
    deadline.isCancelled = true
    this.cancelled++
    if (this.cancelled > COMPACT_AT && this.cancelled > this.heap.length / 2) this.compact()
  }

  /** Runs what is due. The timer does it; tests with a clock of their own may too. */
  runDue(): void {
    for (;;) {
      const first = this.heap[0]
      if (first === undefined || (!first.isCancelled && first.atMs > this.now())) break
      this.pop()
      if (first.isCancelled) this.cancelled--
      else {
        // Past its time it can no longer be taken back.
        first.isCancelled = true
        first.run()
      }
    }
    this.arm()
  }

  close(): void {
    clearTimeout(this.timer)
    this.heap.length = 0
  }

  private compact(): void {
    const left = this.heap.filter((deadline) => !deadline.isCancelled)
    this.heap.length = 0
    this.cancelled = 0
    for (const deadline of left) {
      this.heap.push(deadline)
      this.siftUp(this.heap.length - 1)
    }
  }

  private arm(): void {
    clearTimeout(this.timer)
    const first = this.heap[0]
    this.timerAtMs = first?.atMs ?? Number.POSITIVE_INFINITY
    if (first === undefined) return
    const waitMs = Math.min(Math.max(first.atMs - this.now(), 0), MAX_SLEEP_MS)
    this.timer = setTimeout(() => this.runDue(), Math.ceil(waitMs))
    this.timer.unref()
  }

  private pop(): void {
    const last = this.heap.pop()
    if (last === undefined || this.heap.length === 0) return
    this.heap[0] = last
    this.siftDown()
  }

  private siftUp(index: number): void {
    let at = index
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((this.heap[parent] as Deadline).atMs <= (this.heap[at] as Deadline).atMs) return
      this.swap(at, parent)
      at = parent
    }
  }

  private siftDown(): void {
    let at = 0
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const candidate = this.heap[child]
        if (candidate !== undefined && candidate.atMs < (this.heap[least] as Deadline).atMs) {
          least = child
        }
      }
      if (least === at) return
      this.swap(at, least)
      at = least
    }
  }

  private swap(a: number, b: number): void {
    const kept = this.heap[a] as Deadline
    this.heap[a] = this.heap[b] as Deadline
    this.heap[b] = kept
  }
}
