/** State of one client that outlives its connections (MQTT 5.0 section 4.1). */
import type { Connection } from '../connection/connection.ts'
import type { MqttPrincipal } from '../ports.ts'
import type { DropCounter, OutboundParts } from '../queues/delivery.ts'
import { Outbound } from '../queues/outbound.ts'
import type { Message } from '../routing/message.ts'
import type { RetainedReplay } from '../routing/retained-replay.ts'
import type { Subscription } from '../routing/router.ts'

export interface SessionCounters {
  messagesReceived: number
  messagesSent: number
  bytesReceived: number
  bytesSent: number
  /** QoS 0 messages not sent because the client did not read fast enough. */
  droppedSlow: number
  /** QoS 1 and 2 messages given up: queue full, expired, too old, too large for the client. */
  droppedQueue: number
  refused: number
  /** Times that nothing more was read from it for a while, because it was above its rate. */
  heldBack: number
}

export class Session {
  readonly clientId: string
  /** Row in the store; 0 for a session that ends with its connection. */
  rowId: number
  expirySeconds = 0
  principal: MqttPrincipal | null = null
  /** The connection that holds the session, from the moment it claims it. */
  owner: Connection | null = null
  /** The same once CONNACK is sent: where messages go. */
  connection: Connection | null = null
  readonly subscriptions = new Map<string, Subscription>()
  /** Of the filters of its subscriptions. */
  filterBytes = 0
  /** QoS 2 packet ids received and not yet released. */
  private receivedIds: Set<number> | null = null
  readonly outbound: Outbound
  /** Retained messages of its subscriptions that are still to be sent. */
  replay: RetainedReplay | null = null
  private readonly totals: DropCounter
  readonly counters: SessionCounters = {
    messagesReceived: 0,
    messagesSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    droppedSlow: 0,
    droppedQueue: 0,
    refused: 0,
    heldBack: 0,
  }
  connectedAtMs = 0
  disconnectedAtMs = 0
  disconnectReason: string | null = null

  constructor(clientId: string, rowId: number, parts: OutboundParts) {
    this.clientId = clientId
    this.rowId = rowId
    this.totals = parts.totals
    this.outbound = new Outbound(this, parts)
  }

  get isDurable(): boolean {
    return this.rowId > 0
  }

  hasReceived(packetId: number): boolean {
    return this.receivedIds?.has(packetId) === true
  }

  addReceived(packetId: number): void {
    this.receivedIds ??= new Set()
    this.receivedIds.add(packetId)
  }

  /** False when the id was not open. */
  removeReceived(packetId: number): boolean {
    return this.receivedIds?.delete(packetId) === true
  }

  /** QoS 0 goes to who is there and reads; it is never queued. */
  deliverAtMostOnce(
    message: Message,
    retain: boolean,
    identifiers: readonly number[] | null,
  ): void {
    const connection = this.connection
    if (connection === null) return
    if (!connection.hasRoom()) {
      this.counters.droppedSlow++
      this.totals.publishesDropped++
      return
    }
    connection.sendPublish(message, 0, 0, false, retain, identifiers)
  }
}
