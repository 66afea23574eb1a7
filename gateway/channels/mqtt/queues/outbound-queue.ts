/**
 * Messages of QoS 1 and 2 that wait for one session: first those in memory, then, for a session that is
 * kept, the rest on disk. Bounded by count and bytes; nothing overtakes.
 */

import type { Session } from '../sessions/session.ts'
import type { Delivery, OutboundParts } from './delivery.ts'
import { WaitingQueue } from './waiting-queue.ts'

/** Deliveries read from disk at once. */
const PAGE = 200
const NONE: readonly Delivery[] = []

export class OutboundQueue {
  private readonly session: Session
  private readonly parts: OutboundParts
  private readonly waiting = new WaitingQueue()
  /** Highest row in memory or in flight; rows above it are on disk only while `isSpilled`. */
  private lastSeq = 0
  private isSpilled = false
  /** Deliveries that went to disk in the open transaction. */
  private stagedOnDisk = 0
  private isLoaded = true
  /** Its session has ended: what is told of its messages afterwards counts no more. */
  private isDrained = false
  /** Its overflow was told since the client was last connected. */
  private isOverflowTold = false
  /** Of all that the session is owed, in flight included. */
  count = 0
  bytes = 0

  constructor(session: Session, parts: OutboundParts) {
    this.session = session
    this.parts = parts
  }

  /** After a restart: the queue is on disk and is read when the client comes back. What it holds counts at once. */
  startFromDisk(): void {
    this.isSpilled = true
    this.isLoaded = false
    this.measure()
  }

  /** First use after a restart: what had been sent before is given back to be in flight. */
  load(): readonly Delivery[] {
    if (this.isLoaded) return NONE
    this.isLoaded = true
    return this.parts.log.sent(this.session.rowId)
  }

  /** Rows were removed behind its back, by age. */
  dropped(count: number, bytes: number): void {
    this.resize({ count: this.count - count, bytes: this.bytes - bytes })
  }

  /** That was lost again: they are there still. */
  recount(): void {
    this.measure()
  }

  /** The client is here: its next overflow is another one. */
  connected(): void {
    this.isOverflowTold = false
  }

  isFull(moreBytes: number): boolean {
    return this.count >= this.parts.limits.maxQueuedMessages || this.bytes + moreBytes > this.room()
  }

  /** A message found no room: told once a connection. */
  overflowed(): void {
    if (this.isOverflowTold) return
    this.isOverflowTold = true
    this.parts.onFull(this.session)
  }

  /** Counts a delivery in, if need be in the place of older ones; false: it was dropped itself. */
  admit(delivery: Delivery): boolean {
    while (this.isFull(delivery.message.bytes)) {
      this.overflowed()
      this.countDropped()
      // One that never fits would take all the others with it.
      const canFit = delivery.message.bytes <= this.room()
      if (!canFit || this.parts.limits.queueOverflow !== 'drop-oldest' || !this.dropOldest()) {
        return false
      }
    }
    this.account(delivery, 1)
    return true
  }

  /** Adds one that lives in memory only. */
  push(delivery: Delivery): void {
    this.waiting.push(delivery)
  }

  /**
   * Finds a place for one whose row is being written. True: nothing is before it and `canGoNow`, so that
   * it is the caller's to send.
   */
  stage(delivery: Delivery, isConnected: boolean, canGoNow: boolean): boolean {
    if (this.isSpilled || this.waiting.size >= this.parts.limits.maxMemoryQueue) {
      this.leaveOnDisk(delivery)
      return false
    }
    if (!isConnected) {
      this.lastSeq = delivery.seq - 1
      this.leaveOnDisk(delivery)
      return false
    }
    this.lastSeq = delivery.seq
    if (canGoNow && this.waiting.size === 0) return true
    this.waiting.push(delivery)
    return false
  }

  /** The row of a staged delivery is on disk. */
  committed(delivery: Delivery): void {
    delivery.isCommitted = true
    if (!delivery.isOnDisk) return
    delivery.isOnDisk = false
    this.stagedOnDisk--
  }

  /** The transaction of a staged delivery that was not the caller's to send was lost. */
  lost(delivery: Delivery): void {
    if (delivery.isOnDisk) this.stagedOnDisk--
    else this.waiting.remove(delivery)
    this.account(delivery, -1)
  }

  /** Takes out the next one to be sent: committed, not expired, allowed. */
  next(): Delivery | undefined {
    for (;;) {
      if (this.waiting.size === 0) this.readPage()
      const first = this.waiting.first()
      if (first === undefined || (first.seq > 0 && !first.isCommitted)) return undefined
      this.waiting.shift()
      const nowMs = this.parts.nowMs()
      if (!first.message.isExpired(nowMs) && first.dropAtMs > nowMs) return first
      this.forget(first)
      this.countDropped()
    }
  }

  /** While nobody is connected, memory holds only what is in flight. */
  spill(): void {
    const left = this.waiting.clear()
    const first = left[0]
    if (first !== undefined) this.lastSeq = first.seq - 1
    for (const delivery of left) {
      if (delivery.isCommitted) this.isSpilled = true
      else this.leaveOnDisk(delivery)
    }
  }

  /** Empties it as the session ends; gives what of it was in memory. */
  drain(): Delivery[] {
    const left = this.waiting.clear()
    this.isLoaded = true
    this.isSpilled = false
    this.resize({ count: 0, bytes: 0 })
    this.isDrained = true
    return left
  }

  /** One that was acknowledged or given up: counted out, its row removed soon. */
  forget(delivery: Delivery): void {
    this.account(delivery, -1)
    if (delivery.seq > 0) this.parts.log.removed(delivery.seq)
  }

  countDropped(): void {
    this.session.counters.droppedQueue++
    this.parts.totals.publishesDropped++
  }

  private page(): Delivery[] {
    return this.parts.log.page(this.session.rowId, this.lastSeq, PAGE)
  }

  private readPage(): void {
    if (!this.isSpilled) return
    const { session, parts } = this
    const page = this.page()
    this.isSpilled = page.length === PAGE || this.stagedOnDisk > 0
    for (const delivery of page) {
      this.lastSeq = delivery.seq
      if (!parts.mayReceive(session, delivery.message.topic)) {
        this.forget(delivery)
        this.countDropped()
      } else this.waiting.push(delivery)
    }
  }

  private leaveOnDisk(delivery: Delivery): void {
    this.isSpilled = true
    this.stagedOnDisk++
    delivery.isOnDisk = true
  }

  /** What is in flight is the receiver's already and stays; the oldest waiting one goes. */
  private dropOldest(): boolean {
    const first = this.waiting.shift()
    if (first !== undefined) {
      this.forget(first)
      return true
    }
    if (!this.isSpilled) return false
    const oldest = this.parts.log.oldestWaiting(this.session.rowId, this.lastSeq)
    if (oldest === undefined) return false
    this.parts.log.removed(oldest.seq)
    this.resize({ count: this.count - 1, bytes: this.bytes - oldest.bytes })
    return true
  }

  /** Bytes that it may hold: less where all queues together hold what they may. */
  private room(): number {
    const { maxQueuedBytes, maxTotalQueuedBytes, crowdedQueuedBytes } = this.parts.limits
    const others = this.parts.queued.bytes - this.bytes
    return Math.min(maxQueuedBytes, Math.max(crowdedQueuedBytes, maxTotalQueuedBytes - others))
  }

  private measure(): void {
    this.resize(this.parts.log.size(this.session.rowId))
  }

  private account(delivery: Delivery, sign: 1 | -1): void {
    const bytes = this.bytes + sign * delivery.message.bytes
    this.resize({ count: this.count + sign, bytes })
  }

  private resize({ count, bytes }: { count: number; bytes: number }): void {
    if (this.isDrained) return
    this.parts.queued.bytes += bytes - this.bytes
    this.count = count
    this.bytes = bytes
  }
}
