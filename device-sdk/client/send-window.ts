/**
 * No more messages on their way than the broker grants (MQTT 5, Receive Maximum): with one more it ends the
 * connection. What waits for room goes in order, what is first before the rest.
 */
export class SendWindow {
  #free: number
  readonly #waiting: { readonly isFirst: boolean; readonly go: () => void }[] = []

  /** `size`: messages that may be unacknowledged at once, at least 1. */
  constructor(size: number) {
    this.#free = size
  }

  /** Publishes when there is room; the room is taken until the promise of `publish` is settled. */
  async send<T>(isFirst: boolean, publish: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(isFirst)
    try {
      return await publish()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next.go()
    }
  }

  #turn(isFirst: boolean): Promise<void> {
    return new Promise((go) => {
      const at = isFirst ? this.#waiting.findIndex((other) => !other.isFirst) : -1
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { isFirst, go })
    })
  }
}
