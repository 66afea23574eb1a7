/** All sessions by client id: making, resuming, ending, expiring, and bringing back after a restart. */
import type { Store } from '../../../storage/store.ts'
import type { BrokerClock } from '../broker-clock.ts'
import { parseFilter } from '../codec/topics.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import { filterBytes, type MqttLimits } from '../limits.ts'
import type { MqttPrincipal } from '../ports.ts'
import { type Delivery, mayGoToAnother, type OutboundParts } from '../queues/delivery.ts'
import type { QueueRows } from '../queues/queue-rows.ts'
import type { Router, Subscription } from '../routing/router.ts'
import type { SharedGroups } from '../routing/shared-groups.ts'
import { AbsentSessions, type AbsentSessionsParts, type CrowdedOut } from './absent-sessions.ts'
import type { EndedQueues } from './ended-queues.ts'
import { SLICE } from './ended-rows.ts'
import { Session } from './session.ts'
import { SessionExpiries } from './session-expiries.ts'
import type { SessionRows } from './session-rows.ts'
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
  private readonly expiries: SessionExpiries
  private grace: Deadline | undefined
  private isSuspended = false

  constructor(parts: SessionsParts) {
    this.parts = parts
    this.absent = new AbsentSessions(parts.absent)
    this.expiries = new SessionExpiries(parts.deadlines, parts.clock.nowMs, (session) => {
      this.expired++
      this.end(session)
    })
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
    const { clock, deadlines } = this.parts
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
      this.expiries.restore(session, row.expires_at)
    }
    // Those that were connected are away because the gateway was.
    this.parts.ended.restore()
    this.grace = deadlines.at(clock.nowMs() + RESTART_GRACE_MS, () => {
      this.keepThoseAway()
      this.parts.ended.resume()
    })
  }

  /** Those whose clients have not come back after a restart, in the order in which they left. */
  private keepThoseAway(): void {
    const away = [...this.byClientId.values()].filter(({ owner }) => owner === null)
    away.sort((a, b) => this.expiries.leftAtMs(a) - this.expiries.leftAtMs(b))
    for (const session of away) this.absent.delete(session)
    for (const session of away) this.keepAbsent(session)
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
    const expiresAtMs = this.expiries.timeOf(session)
    this.expiries.schedule(session, expiresAtMs)
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
    const { clientId, rowId, expirySeconds } = session
    // What is too much to be given back in one stretch goes in slices.
    const onDisk = rowId > 0 ? this.parts.outbound.log.shared(rowId, SLICE) : []
    const isLong = onDisk.length === SLICE
    const returned = session.outbound.drain()
    if (!isLong) returned.push(...onDisk.filter(mayGoToAnother))
    session.rowId = 0
    // One that ends during its handshake may have a row whose number is not known here yet.
    if (rowId > 0 || expirySeconds > 0) {
      this.write(() => {
        const id = rowId || this.parts.rows.find(clientId)
        if (isLong) this.parts.ended.leave(id, clientId)
        else this.parts.ended.clear(id)
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

  /** The rest before this run was so much longer than was known. */
  age(byMs: number): void {
    this.expiries.age(byMs)
  }

  /** The gateway stops: whoever leaves now is coming back, and none has to go for another. */
  suspend(): void {
    this.isSuspended = true
  }

  close(): void {
    this.parts.ended.close()
    this.expiries.close()
    if (this.grace !== undefined) this.parts.deadlines.cancel(this.grace)
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

  private keepAbsent(session: Session): void {
    if (this.isSuspended) return
    const crowdedOut = this.absent.add(session)
    if (crowdedOut === undefined) return
    this.crowdedOut++
    this.parts.onCrowdedOut(crowdedOut)
    this.end(crowdedOut.session)
  }

  private cancelExpiry(session: Session): void {
    this.absent.delete(session)
    this.expiries.cancel(session)
  }

  private write(work: () => void): void {
    void this.parts.store.commit(work).catch(() => undefined)
  }
}
