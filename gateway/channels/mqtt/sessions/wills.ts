/** Will messages: kept while their client is connected, sent when it is lost (MQTT 5.0 section 3.1.2.5). */
import type { Store } from '../../../storage/store.ts'
import type { BrokerClock } from '../broker-clock.ts'
import type { Properties, Qos, WillPacket } from '../codec/packets.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import type { MqttPrincipal } from '../ports.ts'
import { forwardedProperties, Message } from '../routing/message.ts'
import type { SessionRows } from './session-rows.ts'

export interface WillFields {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties | undefined
  readonly expirySeconds: number | undefined
  readonly delaySeconds: number
}

/** After a restart it was the gateway that was away: clients get this long to come back before they count as lost. */
export const RESTART_GRACE_MS = 10_000

interface PendingWill {
  readonly will: WillFields
  /** Whose it is; null after a restart. */
  readonly principal: MqttPrincipal | null
  deadline: Deadline | null
  /** When it is due by its row, if its client was lost before this run. */
  earlierDueMs?: number
}

export const willFields = (packet: WillPacket): WillFields => ({
  topic: packet.topic,
  payload: packet.payload,
  qos: packet.qos,
  retain: packet.retain,
  properties: forwardedProperties(packet.properties),
  expirySeconds: packet.properties?.messageExpiryInterval,
  delaySeconds: packet.properties?.willDelayInterval ?? 0,
})

export interface WillParts {
  readonly store: Store
  readonly rows: SessionRows
  readonly clock: BrokerClock
  readonly deadlines: Deadlines
  /** Sends a will whose time has come. */
  readonly send: (message: Message, principal: MqttPrincipal | null) => void
}

export class Wills {
  private readonly parts: WillParts
  private readonly byClient = new Map<string, PendingWill>()
  /** Those that waited for their time when their client's next CONNECT came, until it is let in. */
  private readonly replaced = new Map<string, PendingWill>()
  private isSuspended = false

  constructor(parts: WillParts) {
    this.parts = parts
  }

  /** Wills of clients that were connected or recently lost when the gateway stopped. */
  restore(): void {
    const nowMs = this.parts.clock.nowMs()
    for (const { clientId, will, dueAtMs } of this.parts.rows.wills()) {
      const pending: PendingWill = { will, principal: null, deadline: null }
      if (dueAtMs !== null) pending.earlierDueMs = dueAtMs
      this.byClient.set(clientId, pending)
      const atMs = dueAtMs ?? nowMs + will.delaySeconds * 1000
      this.schedule(clientId, pending, Math.max(atMs, nowMs + RESTART_GRACE_MS))
    }
  }

  /**
   * The will of a client that connects; undefined: it has none. Replaces an earlier one unsent, until `undo` or
   * `settled`. It waits no longer than its session, which after a crash nobody else knows of.
   */
  set(
    clientId: string,
    will: WillFields | undefined,
    principal: MqttPrincipal,
    sessionExpirySeconds: number,
  ): Promise<void> | null {
    this.cancel(clientId)
    const earlier = this.byClient.get(clientId)
    if (earlier?.deadline) this.replaced.set(clientId, earlier)
    const had = this.byClient.delete(clientId)
    if (will === undefined) return had ? this.removeRow(clientId) : null
    this.byClient.set(clientId, { will, principal, deadline: null })
    const delaySeconds = Math.min(will.delaySeconds, sessionExpirySeconds)
    return this.parts.store.commit(() =>
      this.parts.rows.putWill(clientId, { ...will, delaySeconds }),
    )
  }

  /** The client that connects is let in: what waited of it before is sent no more [MQTT-3.1.3-9]. */
  settled(clientId: string): void {
    this.replaced.delete(clientId)
  }

  /** It is not: its will is not sent, and an earlier one waits on. */
  undo(clientId: string): void {
    const earlier = this.replaced.get(clientId)
    this.discard(clientId)
    if (!earlier?.deadline) return
    const { will, principal, deadline } = earlier
    const pending: PendingWill = { will, principal, deadline: null }
    this.byClient.set(clientId, pending)
    const { rows, store } = this.parts
    const work = (): void => {
      rows.putWill(clientId, will)
      rows.willDue(clientId, deadline.atMs)
    }
    void store.commit(work).catch(() => undefined)
    this.schedule(clientId, pending, deadline.atMs)
  }

  /** The connection is gone without a proper DISCONNECT: send at once, or after the delay. */
  lost(clientId: string, sessionExpirySeconds: number): void {
    const pending = this.byClient.get(clientId)
    if (pending === undefined || this.isSuspended) return
    const delaySeconds = Math.min(pending.will.delaySeconds, sessionExpirySeconds)
    if (delaySeconds === 0) {
      this.send(clientId)
      return
    }
    const dueAtMs = this.parts.clock.nowMs() + delaySeconds * 1000
    void this.parts.store
      .commit(() => this.parts.rows.willDue(clientId, dueAtMs))
      .catch(() => undefined)
    this.schedule(clientId, pending, dueAtMs)
  }

  /**
   * The rest before this run was so much longer than was known: who was lost before it has been so for longer by
   * that. Gives what writes their rows, inside `store.commit`, again where that was lost.
   */
  age(byMs: number): () => void {
    const { clock, deadlines, rows } = this.parts
    const soonestMs = clock.nowMs() + RESTART_GRACE_MS
    const moves: (readonly [clientId: string, fromMs: number, toMs: number])[] = []
    for (const [clientId, pending] of this.byClient) {
      const { deadline, earlierDueMs } = pending
      if (earlierDueMs === undefined || deadline === null) continue
      const dueMs = earlierDueMs - byMs
      moves.push([clientId, earlierDueMs, dueMs])
      pending.earlierDueMs = dueMs
      deadlines.cancel(deadline)
      this.schedule(clientId, pending, Math.min(deadline.atMs, Math.max(dueMs, soonestMs)))
    }
    return () => {
      for (const move of moves) rows.moveWill(...move)
    }
  }

  /** The gateway stops: wills stay in the store, for clients that do not come back after the restart. */
  suspend(): void {
    this.isSuspended = true
  }

  /** Sends the will now, if there is one: its session has ended. */
  send(clientId: string): void {
    if (this.isSuspended) return
    const pending = this.byClient.get(clientId)
    if (pending === undefined) return
    this.cancel(clientId)
    this.byClient.delete(clientId)
    const { will, principal } = pending
    const { expirySeconds } = will
    void this.removeRow(clientId)
    this.parts.send(
      new Message({
        topic: will.topic,
        payload: will.payload,
        qos: will.qos,
        retain: will.retain,
        properties: will.properties,
        expiresAtMs:
          expirySeconds === undefined ? undefined : this.parts.clock.nowMs() + expirySeconds * 1000,
        publisher: clientId,
      }),
      principal,
    )
  }

  /** A proper DISCONNECT: the will is not sent [MQTT-3.14.4-3]. */
  discard(clientId: string): void {
    this.cancel(clientId)
    this.replaced.delete(clientId)
    if (this.byClient.delete(clientId)) void this.removeRow(clientId)
  }

  /** The same of all these clients, connected or not. */
  discardAll(isMeant: (clientId: string) => boolean): void {
    const clientIds = new Set([...this.byClient.keys(), ...this.replaced.keys()])
    for (const clientId of clientIds) if (isMeant(clientId)) this.discard(clientId)
  }

  /** The client is back within the delay. */
  cancel(clientId: string): void {
    const pending = this.byClient.get(clientId)
    if (pending?.deadline) this.parts.deadlines.cancel(pending.deadline)
  }

  private schedule(clientId: string, pending: PendingWill, atMs: number): void {
    pending.deadline = this.parts.deadlines.at(atMs, () => this.send(clientId))
  }

  private removeRow(clientId: string): Promise<void> {
    return this.parts.store
      .commit(() => this.parts.rows.removeWill(clientId))
      .catch(() => undefined)
  }
}
