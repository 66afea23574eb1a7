/** A message on its way to one session, and what its queue needs of the rest. */
import type { MqttLimits } from '../limits.ts'
import type { Message } from '../routing/message.ts'
import type { SharedGroup } from '../routing/shared-groups.ts'
import type { Session } from '../sessions/session.ts'

export interface Delivery {
  readonly message: Message
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly identifiers: readonly number[] | null
  /** The group it was given to this member by; it goes back there if the session ends. */
  readonly group: SharedGroup | null
  /** Row in the session's queue; 0 while it lives in memory only. */
  seq: number
  /** Broker time from which it is too old to be sent the first time. */
  dropAtMs: number
  /** 0 until it has its place in flight. */
  packetId: number
  isCommitted: boolean
  /** Not in memory: read back from its row when its turn comes. */
  isOnDisk: boolean
  wasSent: boolean
  /** PUBREC has come: from here on PUBREL is repeated, not the message. */
  isReleased: boolean
}

/** Whether one of a group may go to another member: of QoS 2 it may have been taken once it was sent [MQTT-4.8.2-5]. */
export const mayGoToAnother = ({ wasSent, qos }: Delivery): boolean => !wasSent || qos === 1

/** What the queue needs of the store. */
export interface DeliveryLog {
  removed(seq: number): void
  /** A QoS 1 delivery leaves under this packet id. */
  sending(seq: number, packetId: number): void
  /** A QoS 2 delivery is about to leave under this packet id; calls back once that is on disk, or was lost. */
  sendingOnce(seq: number, packetId: number, done: () => void, failed: () => void): void
  /** Calls back once the release is on disk, or was lost. */
  released(seq: number, done: () => void, failed: () => void): void
  /** Committed deliveries that have a packet id, oldest first: sent before a restart. */
  sent(sessionRow: number): Delivery[]
  /** Committed deliveries after `afterSeq` without a packet id, oldest first. */
  page(sessionRow: number, afterSeq: number, limit: number): Delivery[]
  /** Deliveries that came by a group, sent or not, oldest first. */
  shared(sessionRow: number, limit: number): Delivery[]
  size(sessionRow: number): { count: number; bytes: number }
  /** Oldest delivery that is not in flight and lies after `afterSeq`. */
  oldestWaiting(sessionRow: number, afterSeq: number): { seq: number; bytes: number } | undefined
}

/** Dropped messages over all sessions. */
export interface DropCounter {
  publishesDropped: number
}

export interface OutboundParts {
  readonly totals: DropCounter
  /** Of all queues together. */
  readonly queued: { bytes: number }
  readonly limits: MqttLimits
  readonly log: DeliveryLog
  readonly nowMs: () => number
  readonly mayReceive: (session: Session, topic: string) => boolean
  /** Called at the first message for which the session's queue has no room, once a connection. */
  readonly onFull: (session: Session) => void
}
