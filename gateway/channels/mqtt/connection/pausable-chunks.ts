/**
 * Back-pressure for a transport that cannot stop its peer: what comes while reading is paused is held, and
 * afterwards handed over in order until reading is paused again.
 */

/** What holding one chunk costs, whatever is in it: a peer that sends single bytes must not get around a bound. */
const CHUNK_OVERHEAD_BYTES = 128
/** Places taken at the front that are worth a copy of the rest. */
const COMPACT_AT = 1024

export class PausableChunks {
  /** Takes what is not held. */
  onData: (chunk: Buffer) => void = () => {}
  /** What is held, the cost of holding it included. */
  heldBytes = 0
  #held: Buffer[] = []
  #head = 0
  #isPaused = false
  #isHandingOver = false

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** What is held, in order. */
  get held(): readonly Buffer[] {
    return this.#held.slice(this.#head)
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Throws away what is held. */
  drop(): void {
    this.#held = []
    this.#head = 0
    this.heldBytes = 0
  }

  resume(): void {
    this.#isPaused = false
    // Called by the one who takes: the loop below goes on by itself.
    if (this.#isHandingOver) return
    this.#isHandingOver = true
    try {
      while (!this.#isPaused && this.#head < this.#held.length) this.onData(this.#take())
    } finally {
      this.#isHandingOver = false
    }
  }

  receive(chunk: Buffer): void {
    if (!this.#isPaused && !this.#isHandingOver && this.#held.length === 0) {
      this.onData(chunk)
      return
    }
    this.#held.push(chunk)
    this.heldBytes += chunk.length + CHUNK_OVERHEAD_BYTES
  }

  #take(): Buffer {
    const chunk = this.#held[this.#head++] as Buffer
    this.heldBytes -= chunk.length + CHUNK_OVERHEAD_BYTES
    if (this.#head === this.#held.length || this.#head >= COMPACT_AT) {
      this.#held = this.#held.slice(this.#head)
      this.#head = 0
    }
    return chunk
  }
}
