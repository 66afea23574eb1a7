/** Subscribers of one kind of message; each failure of one is kept from the others. */
export class Handlers<T> {
  readonly #all = new Set<(value: T) => void>()

  /** The returned function unsubscribes. */
  add(handler: (value: T) => void): () => void {
    this.#all.add(handler)
    return () => {
      this.#all.delete(handler)
    }
  }

  call(value: T): void {
    for (const handler of this.#all) {
      try {
        handler(value)
      } catch (error) {
        // Rethrown outside: a broken screen must not stop the speech, nor go unseen.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

/** The last ids seen, so that what comes twice is used once. */
export class SeenIds {
  readonly #ids = new Set<string>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** True the first time. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false
    this.#ids.add(id)
    if (this.#ids.size > this.#limit) {
      const oldest = this.#ids.values().next()
      if (!oldest.done) this.#ids.delete(oldest.value)
    }
    return true
  }
}
