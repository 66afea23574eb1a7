/**
 * Shares each turn of the event loop among the connections: who has had its share goes on in the next
 * turn, after the others have been read.
 */
export class FairTurns {
  private turn = 0
  private isCounting = false
  private waiting: (() => void)[] = []

  /** The number of the present turn. */
  get now(): number {
    if (!this.isCounting) {
      this.isCounting = true
      setImmediate(this.next)
    }
    return this.turn
  }

  /** Runs `work` in the next turn. */
  later(work: () => void): void {
    if (this.now >= 0) this.waiting.push(work)
  }

  private readonly next = (): void => {
    this.isCounting = false
    this.turn++
    const { waiting } = this
    this.waiting = []
    for (const work of waiting) work()
  }
}
