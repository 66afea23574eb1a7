/** A queue in memory that costs the same at any length: the head moves, the array is shortened now and then. */
import type { Delivery } from './delivery.ts'

/** Taken places at the front that are worth a copy of the rest. */
const COMPACT_AT = 1024

export class WaitingQueue {
  private items: Delivery[] = []
  private head = 0

  get size(): number {
    return this.items.length - this.head
  }

  push(delivery: Delivery): void {
    this.items.push(delivery)
  }

  first(): Delivery | undefined {
    return this.items[this.head]
  }

  shift(): Delivery | undefined {
    const first = this.items[this.head]
    if (first === undefined) return undefined
    this.head++
    if (this.head === this.items.length) this.reset()
    else if (this.head >= COMPACT_AT) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return first
  }

  remove(delivery: Delivery): void {
    const at = this.items.indexOf(delivery, this.head)
    if (at >= 0) this.items.splice(at, 1)
  }

  /** Empties the queue; gives what was in it. */
  clear(): Delivery[] {
    const left = this.items.slice(this.head)
    this.reset()
    return left
  }

  private reset(): void {
    if (this.items.length > 0) this.items = []
    this.head = 0
  }
}
