/** When sessions end whose clients are away. */
import type { Deadline, Deadlines } from '../deadlines.ts'
import type { Session } from './session.ts'
import { RESTART_GRACE_MS } from './wills.ts'

/** Value of Session Expiry Interval that means never. */
const NEVER = 0xffffffff

export class SessionExpiries {
  private readonly deadlines: Deadlines
  private readonly nowMs: () => number
  private readonly onExpired: (session: Session) => void
  private readonly bySession = new Map<Session, Deadline>()
  /** Left before this run, and nobody has come back to them. */
  private readonly earlier = new Set<Session>()

  constructor(deadlines: Deadlines, nowMs: () => number, onExpired: (session: Session) => void) {
    this.deadlines = deadlines
    this.nowMs = nowMs
    this.onExpired = onExpired
  }

  /** When it ends if its client leaves now, by broker time. */
  timeOf({ expirySeconds }: Session): number {
    return expirySeconds === NEVER ? Number.MAX_SAFE_INTEGER : this.nowMs() + expirySeconds * 1000
  }

  /**
   * After a restart. `leftUntilMs` is null for one whose client was there when the gateway ended: it starts to
   * expire now. Its will goes with a session, and is false while the client has had no time to come back.
   */
  restore(session: Session, leftUntilMs: number | null): void {
    const nowMs = this.nowMs()
    if (leftUntilMs !== null) this.earlier.add(session)
    const atMs = leftUntilMs ?? nowMs + session.expirySeconds * 1000
    this.schedule(session, Math.max(atMs, nowMs + RESTART_GRACE_MS))
  }

  schedule(session: Session, atMs: number): void {
    if (atMs >= Number.MAX_SAFE_INTEGER) return
    const expire = (): void => this.onExpired(session)
    this.bySession.set(session, this.deadlines.at(atMs, expire))
  }

  /** Its client is back, or it has ended. */
  cancel(session: Session): void {
    this.earlier.delete(session)
    const deadline = this.bySession.get(session)
    if (deadline === undefined) return
    this.deadlines.cancel(deadline)
    this.bySession.delete(session)
  }

  /** The rest before this run was so much longer than was known: what was left before it is older by that. */
  age(byMs: number): void {
    const soonestMs = this.nowMs() + RESTART_GRACE_MS
    for (const session of this.earlier) {
      const deadline = this.bySession.get(session)
      if (deadline === undefined) continue
      this.deadlines.cancel(deadline)
      this.schedule(session, Math.max(deadline.atMs - byMs, soonestMs))
    }
  }

  /** When its client left it; one that never expires was left last. */
  leftAtMs(session: Session): number {
    const atMs = this.bySession.get(session)?.atMs ?? Number.MAX_SAFE_INTEGER
    return atMs - session.expirySeconds * 1000
  }

  close(): void {
    for (const deadline of this.bySession.values()) this.deadlines.cancel(deadline)
    this.bySession.clear()
  }
}
