/** All sessions by client id: making, resuming, ending, expiring, and bringing back after a restart. */
import type { Store } from '../../storage/store.ts'
import { AbsentSessions, type AbsentSessionsParts, type CrowdedOut } from './absent-sessions.ts'
import type { BrokerClock } from './broker-clock.ts'
import { parseFilter } from './codec/topics.ts'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { Delivery, OutboundParts } from './delivery.ts'
import type { EndedQueues } from './ended-queues.ts'
import { filterBytes, type MqttLimits } from './limits.ts'
import type { MqttPrincipal } from './ports.ts'
import type { QueueRows } from './queue-rows.ts'
import type { Router, Subscription } from './router.ts'
import { Session } from './session.ts'
import type { SessionRows } from './session-rows.ts'
import type { SharedGroups } from './shared-groups.ts'
import { RESTART_GRACE_MS, type Wills } from './wills.ts'

export interface SessionsParts {
  readonly store: Store
  readonly rows: SessionRows
  readonly queue: QueueRows
  readonly ended: EndedQueues
  readonly clock: BrokerClock
  readonly deadlines: Deadlines
  readonly router: Router
  readonly groups: SharedGroups
  readonly wills: Wills
  readonly outbound: OutboundParts
  readonly absent: AbsentSessionsParts
  /** A session ends because its device has left too many others since. */
  readonly onCrowdedOut: (crowdedOut: CrowdedOut) => void
  readonly returnToGroup: (delivery: Delivery) => void
  /** Gives a session the retained messages of a subscription, once its client is here. */
  readonly replayRetained: (subscription: Subscription) => void
}

export interface OpenedSession {
  readonly session: Session
  /** The client's earlier state was found and goes on. */
  readonly isPresent: boolean
  /** Expiry interval of that state; null: there was none. */
  readonly earlierExpirySeconds: number | null
  /** Resolves when the session is on disk; null when nothing had to be written. */
  readonly kept: Promise<unknown> | null
}

/** Value of Session Expiry Interval that means never. */
export const NEVER_EXPIRES = 0xffffffff

export class Sessions {
  private readonly parts: SessionsParts
  private readonly byClientId = new Map<string, Session>()
  /** Sessions that ended by their expiry interval. */
  expired = 0
  /** Sessions that ended because their device left too many others. */
  crowdedOut = 0
  /** Of the filters of all sessions. */
  filterBytes = 0
  private readonly absent: AbsentSessions
  private readonly expiries = new Map<Session, Deadline>()

  constructor(parts: SessionsParts) {
    this.parts = parts
    this.absent = new AbsentSessions(parts.absent)
  }

  get size(): number {
    return this.byClientId.size
  }

  get(clientId: string): Session | undefined {
    return this.byClientId.get(clientId)
  }

  all(): IterableIterator<Session> {
    return this.byClientId.values()
  }

  /** Whether one of them has this row. Walks over all. */
  holds(sessionRow: number): boolean {
    for (const { rowId } of this.byClientId.values()) if (rowId === sessionRow) return true
    return false
  }

  /** Sessions that were kept when the gateway stopped; those still marked connected start to expire now. */
  restore(): void {
    const nowMs = this.parts.clock.nowMs()
    for (const row of this.parts.rows.all()) {
      const session = new Session(row.client_id, row.id, this.parts.outbound)
      session.expirySeconds = row.expiry_seconds
      session.outbound.startFromDisk()
      for (const packetId of this.parts.queue.received(row.id)) session.addReceived(packetId)
      this.byClientId.set(row.client_id, session)
      for (const stored of this.parts.rows.subscriptions(row.id)) {
        const parsed = parseFilter(stored.filter)
        if (parsed === undefined) continue
        const { filter: text, isUnfinished, ...options } = stored
        const subscription: Subscription = { kind: 'session', session, text, ...parsed, ...options }
        this.link(subscription)
        if (isUnfinished) this.parts.replayRetained(subscription)
      }
      // Its will goes with it, and is false while the client has had no time to come back.
      const atMs = row.expires_at ?? nowMs + row.expiry_seconds * 1000
      this.scheduleExpiry(session, Math.max(atMs, nowMs + RESTART_GRACE_MS))
    }
    for (const session of this.inOrderOfLeaving()) this.keepAbsent(session)
    this.parts.ended.goOn()
  }

  /**
   * The session of a client that connects. The caller has already closed an earlier connection of the
   * same client. A clean start ends what was there [MQTT-3.1.2-4].
   */
  open(clientId: string, isCleanStart: boolean, expirySeconds: number): OpenedSession {
    let session = this.byClientId.get(clientId)
    if (session !== undefined && isCleanStart) {
      this.end(session)
      session = undefined
    }
    const isPresent = session !== undefined
    const earlierExpirySeconds = session?.expirySeconds ?? null
    if (session === undefined) {
      session = new Session(clientId, 0, this.parts.outbound)
      this.byClientId.set(clientId, session)
    }
    session.expirySeconds = expirySeconds
    this.cancelExpiry(session)
    return { session, isPresent, earlierExpirySeconds, kept: this.keep(session, isPresent) }
  }

  /**
   * Says whose session it is from now on. What was worked out for another one, or for nobody yet as after a
   * restart, is forgotten: the new one may have fewer rights.
   */
  setPrincipal(session: Session, principal: MqttPrincipal): void {
    if (session.principal === principal) return
    session.principal = principal
    if (session.subscriptions.size > 0) this.parts.router.forget()
  }

  /** The connection of a session has ended: it expires later, or now. */
  left(session: Session): void {
    if (session.expirySeconds === 0) {
      this.end(session)
      return
    }
    const expiresAtMs = this.expiryTime(session)
    this.scheduleExpiry(session, expiresAtMs)
    const { rowId, expirySeconds } = session
    this.write(() => this.parts.rows.left(rowId, expirySeconds, expiresAtMs))
    this.keepAbsent(session)
  }

  /** Whether one more filter fits, for all sessions together or into what each may have in any case. */
  hasRoomForFilter(session: Session, text: string, limits: MqttLimits): boolean {
    const bytes = filterBytes(text)
    const fits = this.filterBytes + bytes <= limits.maxTotalFilterBytes
    return fits || session.filterBytes + bytes <= limits.crowdedFilterBytes
  }

  /** Ends a session: subscriptions, queue and rows go, a waiting will is sent, shared messages go back. */
  end(session: Session): void {
    this.cancelExpiry(session)
    if (this.byClientId.get(session.clientId) === session) this.byClientId.delete(session.clientId)
    for (const subscription of session.subscriptions.values()) this.unlink(subscription)
    session.subscriptions.clear()
    const returned = session.outbound.drain()
    const { clientId, rowId, expirySeconds } = session
    session.rowId = 0
    // One that ends during its handshake may have a row whose number is not known here yet.
    if (rowId > 0 || expirySeconds > 0) {
      this.write(() => {
        const id = rowId || this.parts.rows.find(clientId)
        this.parts.ended.clear(id)
        this.parts.rows.remove(id)
      })
    }
    this.parts.wills.send(session.clientId)
    for (const delivery of returned) this.parts.returnToGroup(delivery)
  }

  /** Adds or replaces a filter of a session. */
  subscribe(subscription: Subscription): void {
    const old = subscription.session.subscriptions.get(subscription.text)
    if (old !== undefined) this.unlink(old)
    this.link(subscription)
  }

  /** Takes a filter away; false when there was none. */
  unsubscribe(session: Session, text: string): boolean {
    const old = session.subscriptions.get(text)
    if (old === undefined) return false
    session.subscriptions.delete(text)
    this.unlink(old)
    return true
  }

  close(): void {
    this.parts.ended.close()
    for (const deadline of this.expiries.values()) this.parts.deadlines.cancel(deadline)
    this.expiries.clear()
  }

  /**
   * A session with an expiry has a row from its first moment. A new one takes nothing over: the row that it
   * finds is of a session whose end the disk did not take, and numbers are given again.
   */
  private keep(session: Session, isPresent: boolean): Promise<unknown> | null {
    if (session.expirySeconds === 0 && session.rowId === 0) return null
    const { clientId, expirySeconds } = session
    const { rows, queue } = this.parts
    return this.parts.store
      .commit(() => {
        const rowId = rows.put(clientId, expirySeconds)
        if (!isPresent) {
          queue.clear(rowId)
          rows.clearSubscriptions(rowId)
        }
        return rowId
      })
      .then((rowId) => {
        if (session.rowId === 0 && this.byClientId.get(clientId) === session) session.rowId = rowId
      })
  }

  private link(subscription: Subscription): void {
    this.countFilter(subscription, 1)
    subscription.session.subscriptions.set(subscription.text, subscription)
    if (subscription.group === undefined) {
      this.parts.router.add(subscription.filter, subscription)
    } else this.parts.groups.put(subscription.group, subscription)
  }

  private unlink(subscription: Subscription): void {
    this.countFilter(subscription, -1)
    if (subscription.group === undefined) {
      this.parts.router.remove(subscription.filter, subscription)
    } else this.parts.groups.remove(subscription.group, subscription)
  }

  private countFilter({ session, text }: Subscription, sign: 1 | -1): void {
    const bytes = sign * filterBytes(text)
    session.filterBytes += bytes
    this.filterBytes += bytes
  }

  /** After a restart: those still marked connected were left last. */
  private inOrderOfLeaving(): Session[] {
    const leftAtMs = (session: Session): number =>
      (this.expiries.get(session)?.atMs ?? Number.MAX_SAFE_INTEGER) - session.expirySeconds * 1000
    return [...this.byClientId.values()].sort((a, b) => leftAtMs(a) - leftAtMs(b))
  }

  private keepAbsent(session: Session): void {
    const crowdedOut = this.absent.add(session)
    if (crowdedOut === undefined) return
    this.crowdedOut++
    this.parts.onCrowdedOut(crowdedOut)
    this.end(crowdedOut.session)
  }

  private expiryTime(session: Session): number {
    return session.expirySeconds === NEVER_EXPIRES
      ? Number.MAX_SAFE_INTEGER
      : this.parts.clock.nowMs() + session.expirySeconds * 1000
  }

  private scheduleExpiry(session: Session, atMs: number): void {
    if (atMs >= Number.MAX_SAFE_INTEGER) return
    this.expiries.set(
      session,
      this.parts.deadlines.at(atMs, () => {
        this.expired++
        this.end(session)
      }),
    )
  }

  private cancelExpiry(session: Session): void {
    this.absent.delete(session)
    const deadline = this.expiries.get(session)
    if (deadline === undefined) return
    this.parts.deadlines.cancel(deadline)
    this.expiries.delete(session)
  }

  private write(work: () => void): void {
    void this.parts.store.commit(work).catch(() => undefined)
  }
}
