/** Joins what is written to a socket within one turn of the event loop into one write. */

export interface Flushable {
  flush(): void
}

export class WriteGatherer {
  private waiting: Flushable[] = []

  /** `connection.flush()` is called once at the end of this turn. */
  add(connection: Flushable): void {
    if (this.waiting.length === 0) setImmediate(this.flushAll)
    this.waiting.push(connection)
  }

  private readonly flushAll = (): void => {
    const waiting = this.waiting
    this.waiting = []
    for (const connection of waiting) connection.flush()
  }
}
