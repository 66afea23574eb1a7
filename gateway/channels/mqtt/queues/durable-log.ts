/**
 * What must survive a crash, written to the gateway's SQLite file.
 *
 * Messages to kept sessions and retained messages of one stretch of work share one `store.commit`;
 * whoever waits is told after the fsync. Removals (an acknowledged message) and packet ids of QoS 1 are
 * not waited for: they go with the next commit, at the latest after `REMOVAL_DELAY_MS`. Losing one in a
 * crash means that a message is sent again, which QoS 1 allows and its packet id makes harmless for QoS 2.
 * What a failed commit lost of them is tried again with the next one.
 */
import type { Store } from '../../../storage/store.ts'
import type { Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'
import type { Delivery, DeliveryLog } from './delivery.ts'
import type { QueueRows } from './queue-rows.ts'

const REMOVAL_DELAY_MS = 50
/** Removals gathered before they are written at once: bounds memory and the length of a transaction. */
const MAX_REMOVALS = 2000
/** After a write that failed: a full disk is not mended sooner. */
const RETRY_MS = 1000

/** What nobody waits for. */
interface Later {
  readonly removals: readonly number[]
  readonly sends: ReadonlyMap<number, number>
}

/** One message and all that must be on disk before it counts as taken. */
export interface DurableJob {
  readonly message: Message
  readonly deliveries: { readonly session: Session; readonly delivery: Delivery }[]
  /** Write it as the retained message of its topic. */
  readonly isRetained: boolean
  /** Writes what belongs to the same commit, such as the QoS 2 packet id that it came with. */
  readonly alongside: (() => void) | null
  /** Called after the commit, or with the error that lost it. */
  readonly done: ((error: unknown) => void) | null
}

export class DurableLog implements DeliveryLog {
  private readonly store: Store
  private readonly rows: QueueRows
  private jobs: DurableJob[] = []
  private removals: number[] = []
  /** Packet ids given to QoS 1 deliveries since: written only if not acknowledged meanwhile. */
  private sends = new Map<number, number>()
  private timer: NodeJS.Timeout | undefined
  private nextSeq: number
  private committedSeq: number
  private readonly onLostRetained: (topic: string) => void

  constructor(store: Store, rows: QueueRows, onLostRetained: (topic: string) => void) {
    this.store = store
    this.rows = rows
    this.onLostRetained = onLostRetained
    this.committedSeq = this.rows.lastSeq()
    this.nextSeq = this.committedSeq + 1
  }

  /** Takes a job; all jobs of this stretch of synchronous work are written together. */
  add(job: DurableJob): void {
    if (this.jobs.length === 0) queueMicrotask(() => this.flush())
    this.jobs.push(job)
  }

  /** Writes what waits to be written; callers are told after the commit. */
  flush(): void {
    if (this.jobs.length === 0) return
    const jobs = this.jobs
    this.jobs = []
    this.commit(
      () => {
        for (const job of jobs) this.write(job)
      },
      () => this.settle(jobs),
      (error) => this.fail(jobs, error),
    )
    for (const job of jobs) if (job.message.publisher === undefined) this.sendEarly(job)
  }

  /**
   * Messages of the box itself leave before their row is on disk: no publisher waits for a promise, and
   * what they tell is in the ledger already. Only QoS 2 waits, lest a crash make it arrive twice.
   */
  private sendEarly(job: DurableJob): void {
    for (const { session, delivery } of job.deliveries) {
      if (delivery.packetId > 0 && delivery.qos === 1) session.outbound.committed(delivery)
    }
  }

  removed(seq: number): void {
    this.sends.delete(seq)
    this.removals.push(seq)
    if (this.removals.length >= MAX_REMOVALS) this.flushLater()
    else this.timer ??= setTimeout(() => this.flushLater(), REMOVAL_DELAY_MS).unref()
  }

  sending(seq: number, packetId: number): void {
    this.sends.set(seq, packetId)
    this.timer ??= setTimeout(() => this.flushLater(), REMOVAL_DELAY_MS).unref()
  }

  sendingOnce(seq: number, packetId: number, done: () => void, failed: () => void): void {
    this.sends.set(seq, packetId)
    this.commit(NOTHING_ELSE, done, failed)
  }

  released(seq: number, done: () => void, failed: () => void): void {
    this.commit(() => this.rows.setReleased(seq), done, failed)
  }

  sent(row: number): Delivery[] {
    this.flushLater()
    return this.rows.sent(row, this.committedSeq)
  }

  page(row: number, afterSeq: number, limit: number): Delivery[] {
    this.flushLater()
    return this.rows.page(row, afterSeq, this.committedSeq, limit)
  }

  shared(row: number, limit: number): Delivery[] {
    // What came in the same stretch of work is among them, and what was acknowledged is not.
    this.flush()
    this.flushLater()
    return this.rows.shared(row, limit)
  }

  size(row: number): { count: number; bytes: number } {
    this.flushLater()
    return this.rows.size(row)
  }

  oldestWaiting(row: number, afterSeq: number): { seq: number; bytes: number } | undefined {
    this.flushLater()
    return this.rows.oldestWaiting(row, afterSeq)
  }

  /** Writes what nobody waits for; part of closing. */
  flushLater(): void {
    if (this.removals.length > 0 || this.sends.size > 0) this.commit(NOTHING_ELSE)
  }

  /**
   * Commits `work` and with it what nobody waits for: packet ids must reach the disk in the order they
   * were given in, or a crash would leave a QoS 2 message behind a gap.
   */
  private commit(work: () => void, done?: () => void, failed?: (error: unknown) => void): void {
    const later = this.takeLater()
    this.store
      .commit(() => {
        // First: what is looked for in `work` must not find a row that is to go.
        if (later !== null) this.writeLater(later)
        work()
      })
      .then(done, (error: unknown) => {
        if (later !== null) this.putBack(later)
        failed?.(error)
      })
  }

  private write(job: DurableJob): void {
    if (job.isRetained) this.rows.putRetained(job.message)
    job.alongside?.()
    for (const { session, delivery } of job.deliveries) {
      if (!session.isDurable) continue
      delivery.seq = this.nextSeq++
      if (session.outbound.stage(delivery)) this.rows.insert(session.rowId, delivery)
      else delivery.seq = 0
    }
  }

  private settle(jobs: readonly DurableJob[]): void {
    for (const job of jobs) {
      for (const { session, delivery } of job.deliveries) {
        if (delivery.seq === 0) continue
        this.committedSeq = Math.max(this.committedSeq, delivery.seq)
        if (!delivery.isCommitted) session.outbound.committed(delivery)
      }
      job.done?.(undefined)
    }
  }

  private fail(jobs: readonly DurableJob[], error: unknown): void {
    for (const job of jobs) {
      for (const { session, delivery } of job.deliveries) {
        if (delivery.seq > 0) session.outbound.lost(delivery)
      }
      if (job.isRetained) this.onLostRetained(job.message.topic)
      job.done?.(error)
    }
  }

  private takeLater(): Later | null {
    clearTimeout(this.timer)
    this.timer = undefined
    const { removals, sends } = this
    if (removals.length === 0 && sends.size === 0) return null
    if (removals.length > 0) this.removals = []
    if (sends.size > 0) this.sends = new Map()
    return { removals, sends }
  }

  private writeLater({ removals, sends }: Later): void {
    for (const [seq, packetId] of sends) this.rows.setPacketId(seq, packetId)
    for (const seq of removals) this.rows.remove(seq)
  }

  /** A packet id whose message has been removed since finds no row, and does no harm. */
  private putBack({ removals, sends }: Later): void {
    for (const [seq, packetId] of sends) this.sends.set(seq, packetId)
    this.removals.push(...removals)
    this.timer ??= setTimeout(() => this.flushLater(), RETRY_MS).unref()
  }
}

const NOTHING_ELSE = (): void => {}
