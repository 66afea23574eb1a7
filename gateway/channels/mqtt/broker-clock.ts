/**
 * Broker time: milliseconds that neither jump when the wall clock is set nor run backwards over a
 * restart, so that sessions and messages expire by time that really passed. A box without a battery
 * boots in 1970; nothing may be deleted for that, nor when the clock is right again.
 */
import type { Store } from '../../storage/store.ts'
import type { MqttClock } from './ports.ts'

/** A wall clock before this was never set: the format of the store is younger. */
export const PLAUSIBLE_MS = Date.UTC(2025, 0, 1)
/** How often the time is noted, and so how much of it a crash may forget. */
export const NOTE_INTERVAL_MS = 60_000

export const CLOCK_SQL = {
  read: 'SELECT last_ms FROM mqtt_clock WHERE id = 1',
  note: `INSERT INTO mqtt_clock (id, last_ms) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET last_ms = excluded.last_ms`,
} as const

/** Every stored time, shifted once when a run with an unset clock is followed by one with a set clock. */
const SHIFTS = [
  'UPDATE mqtt_session SET expires_at = expires_at + ? WHERE expires_at IS NOT NULL',
  'UPDATE mqtt_queue SET expires_at = expires_at + ? WHERE expires_at IS NOT NULL',
  'UPDATE mqtt_queue SET drop_at = drop_at + ? WHERE drop_at IS NOT NULL',
  'UPDATE mqtt_retained SET expires_at = expires_at + ? WHERE expires_at IS NOT NULL',
  'UPDATE mqtt_will SET due_at = due_at + ? WHERE due_at IS NOT NULL',
] as const

export class BrokerClock {
  private readonly store: Store
  private readonly wall: () => number
  private readonly monotonic: () => number
  private readonly anchorMs: number
  private readonly startedAt: number

  constructor(store: Store, clock: MqttClock) {
    this.store = store
    this.wall = () => clock.nowMs()
    this.monotonic = clock.monotonicMs === undefined ? this.wall : () => clock.monotonicMs?.() ?? 0
    this.startedAt = this.monotonic()
    this.anchorMs = this.anchor()
  }

  nowMs = (): number => this.anchorMs + this.monotonic() - this.startedAt

  /** Keeps the time reached. Not waited for: at worst the next run begins a minute early. */
  note(): void {
    const nowMs = Math.floor(this.nowMs())
    void this.store
      .commit(() => this.store.prepare(CLOCK_SQL.note).run(nowMs))
      .catch(() => undefined)
  }

  private anchor(): number {
    const wallMs = this.wall()
    const lastMs = this.store.prepare<{ last_ms: number }>(CLOCK_SQL.read).get()?.last_ms
    if (lastMs === undefined) return wallMs
    // The wall clock is behind what was: it is not set yet, or was set back. Time goes on from there.
    if (wallMs < lastMs) return lastMs
    if (lastMs < PLAUSIBLE_MS && wallMs >= PLAUSIBLE_MS) this.shift(Math.floor(wallMs - lastMs))
    return wallMs
  }

  private shift(byMs: number): void {
    void this.store
      .commit(() => {
        for (const sql of SHIFTS) this.store.prepare(sql).run(byMs)
      })
      .catch(() => undefined)
  }
}
