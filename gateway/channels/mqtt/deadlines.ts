/** Things to do at a broker time: one timer for all of them. */

export interface Deadline {
  readonly atMs: number
  readonly run: () => void
  isCancelled: boolean
}

/** Longest sleep of the one timer: setTimeout overflows beyond 2^31 ms. */
const MAX_SLEEP_MS = 3_600_000

export class Deadlines {
  private readonly now: () => number
  private readonly heap: Deadline[] = []
  private timer: NodeJS.Timeout | undefined
  private timerAtMs = Number.POSITIVE_INFINITY

  constructor(now: () => number) {
    this.now = now
  }

  at(atMs: number, run: () => void): Deadline {
    const deadline: Deadline = { atMs, run, isCancelled: false }
    this.heap.push(deadline)
    this.siftUp(this.heap.length - 1)
    if (atMs < this.timerAtMs) this.arm()
    return deadline
  }

  /** Runs what is due. The timer does it; tests with a clock of their own may too. */
  runDue(): void {
    for (;;) {
      const first = this.heap[0]
      if (first === undefined || (!first.isCancelled && first.atMs > this.now())) break
      this.pop()
      if (!first.isCancelled) first.run()
    }
    this.arm()
  }

  close(): void {
    clearTimeout(this.timer)
    this.heap.length = 0
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
