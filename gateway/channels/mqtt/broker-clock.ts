/**
 * Broker time: milliseconds by which sessions and messages expire. It goes on over a restart and never runs
 * backwards, and no clock that is set makes it jump: while the box runs it counts by itself, and a rest counts
 * as far as the time is proven (`ledger/proven-time.ts`). So a box without a battery that boots in 1970, or one
 * whose clock is a year ahead, deletes nothing for it.
 */
import type { Store } from '../../storage/store.ts'
import type { MqttClock } from './ports.ts'
import { QueueAging } from './queues/queue-aging.ts'
import { type Aged, RetainedAging } from './routing/retained-aging.ts'

/** How often the time is noted, and so how much of it a crash may forget. */
export const NOTE_INTERVAL_MS = 60_000
const DAY_MS = 86_400_000
/**
 * Of one rest no more than this counts, so that a clock that is a little ahead costs no message of the last
 * days: they wait seven (`limits.maxQueuedAgeMs`). What was kept for longer goes by the time that the box runs.
 */
const LONGEST_COUNTED_DAYS = 5
export const LONGEST_COUNTED_MS = LONGEST_COUNTED_DAYS * DAY_MS
/** By then NTP has set the clock of a box without a battery, or the core was heard. */
const SETTLED_AFTER_MS = 600_000
/** A clock is put right by seconds all the time. */
const TOLERANCE_MS = 60_000

interface Noted {
  readonly last_ms: number
  readonly proven_ms: number | null
}

/** What is older in memory, as it has to be written. */
export interface Older {
  readonly retained: readonly Aged[]
  /** Inside `store.commit`; again where that was lost. */
  readonly writeWills: () => void
}

/** Part of a rest that became known after the start. */
interface Missed extends Older {
  readonly byMs: number
}

export const CLOCK_SQL = {
  read: 'SELECT last_ms, proven_ms FROM mqtt_clock WHERE id = 1',
  note: `INSERT INTO mqtt_clock (id, last_ms, proven_ms) VALUES (1, ?, ?)
    ON CONFLICT (id) DO UPDATE SET last_ms = excluded.last_ms, proven_ms = excluded.proven_ms`,
} as const

const LAST_SEQ = 'SELECT max(seq) AS seq FROM mqtt_queue'
/** By how much, and the start of this run: sessions that nobody has come back to since. */
const AGE_SESSIONS = `UPDATE mqtt_session SET expires_at = expires_at - ?
  WHERE expires_at < ? + expiry_seconds * 1000`

export class BrokerClock {
  private readonly store: Store
  private readonly clock: MqttClock
  private readonly monotonic: () => number
  private readonly noted: Noted | undefined
  private readonly anchorMs: number
  private readonly startedAt: number
  private readonly waiting: QueueAging
  private readonly retained: RetainedAging
  /** Of the rest before this run, as far as it is known to have been one. */
  private countedMs: number
  private isSettled: boolean
  private missed: Missed | undefined
  private isWriting = false

  constructor(store: Store, clock: MqttClock) {
    this.store = store
    this.clock = clock
    this.monotonic = () => clock.monotonicMs?.() ?? clock.nowMs()
    this.startedAt = this.monotonic()
    this.noted = store.prepare<Noted>(CLOCK_SQL.read).get()
    const lastSeq = store.prepare<{ seq: number | null }>(LAST_SEQ).get()?.seq ?? 0
    this.waiting = new QueueAging(store, lastSeq)
    this.retained = new RetainedAging(store)
    this.isSettled = this.noted?.proven_ms == null
    this.countedMs = this.restMs()
    this.anchorMs = this.noted === undefined ? clock.nowMs() : this.noted.last_ms + this.countedMs
    this.note()
  }

  nowMs = (): number => this.anchorMs + this.ranMs()

  /** A moment of broker time as the wall clock has it by now, for people; 0, for never, stays 0. */
  wallOf = (atMs: number): number =>
    atMs === 0 ? 0 : Math.round(atMs + this.clock.nowMs() - this.nowMs())

  /** How much older the waiting message with this number is than its row says, in milliseconds. */
  olderBy = (seq: number): number => this.waiting.olderBy(seq)

  /** Keeps the time reached. Not waited for: at worst the next run begins a minute early. */
  note(): void {
    // A note that is ahead of what it made older would have the next run count that rest no more.
    if (this.missed !== undefined) return
    void this.store.commit(() => this.writeNote()).catch(() => undefined)
  }

  /**
   * The time may have become known since the start: then the rest before it was longer than was counted, and
   * what waits since then is older by that. Asked every few seconds. `ageInMemory` is told by how much, once,
   * and gives what is to be written of it; rows that a full disk did not take are tried again.
   */
  catchUp(ageInMemory: (byMs: number) => Older): void {
    if (this.missed !== undefined) {
      this.writeMissed(this.missed)
      return
    }
    if (this.isSettled) return
    const byMs = this.restMs() - this.countedMs
    if (byMs > TOLERANCE_MS) {
      this.countedMs += byMs
      this.missed = { byMs, ...ageInMemory(byMs) }
      this.writeMissed(this.missed)
    }
    this.isSettled = this.ranMs() > SETTLED_AFTER_MS && !this.isInDoubt()
  }

  close(): void {
    this.waiting.close()
    this.retained.close()
  }

  private ranMs(): number {
    return this.monotonic() - this.startedAt
  }

  private provenMs(): number {
    return this.clock.time?.provenMs() ?? this.clock.nowMs()
  }

  /** In doubt, or the clock says what nobody has confirmed. */
  private isInDoubt(): boolean {
    const reading = this.clock.time?.reading()
    if (reading === undefined) return false
    return !reading.isKnown || reading.nowMs - this.provenMs() > TOLERANCE_MS
  }

  private restMs(): number {
    const { proven_ms: notedMs = null } = this.noted ?? {}
    if (notedMs === null) return 0
    const restMs = Math.floor(this.provenMs() - this.ranMs() - notedMs)
    return Math.min(Math.max(restMs, 0), LONGEST_COUNTED_MS)
  }

  private writeNote(): void {
    const note = this.store.prepare(CLOCK_SQL.note)
    note.run(Math.floor(this.nowMs()), Math.floor(this.provenMs()))
  }

  private writeMissed({ byMs, retained, writeWills }: Missed): void {
    if (this.isWriting) return
    this.isWriting = true
    const work = (): void => {
      this.waiting.begin(byMs)
      this.retained.begin(byMs, retained)
      writeWills()
      this.store.prepare(AGE_SESSIONS).run(byMs, Math.floor(this.anchorMs))
      // Else a crash before the next note would have the next run count the same rest once more.
      this.writeNote()
    }
    this.store.commit(work).then(
      () => {
        this.isWriting = false
        this.missed = undefined
      },
      () => {
        this.isWriting = false
        this.waiting.reload()
      },
    )
  }
}
