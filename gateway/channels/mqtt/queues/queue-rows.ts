/** Rows of messages in the store: queues, received QoS 2 ids, retained. SQL and its decoding only. */
import type { Store } from '../../../storage/store.ts'
import type { BrokerClock } from '../broker-clock.ts'
import type { Qos } from '../codec/packets.ts'
import { Message } from '../routing/message.ts'
import type { SharedGroup } from '../routing/shared-groups.ts'
import { finiteOrNull, toBuffer, toProperties } from '../row-values.ts'
import type { Delivery } from './delivery.ts'

type RowClock = Pick<BrokerClock, 'nowMs' | 'olderBy'>

interface QueueRow extends Omit<RetainedRow, 'qos'> {
  seq: number
  flags: number
  identifiers: string | null
  share: string | null
  drop_at: number | null
  packet_id: number | null
  released: number
}

/** A message that waited until it was too old. */
export interface OldRow {
  readonly seq: number
  readonly session_id: number
  readonly drop_at: number
  readonly bytes: number
}

/** A retained message as it is on disk. */
export interface RetainedRow {
  topic: string
  payload: Uint8Array
  qos: number
  properties: Uint8Array | null
  publisher: string | null
  expires_at: number | null
}

const QOS_MASK = 3
const RETAIN_FLAG = 4
/** QoS the publisher gave, above the QoS of the delivery. */
const ORIGINAL_QOS_SHIFT = 3

const DELIVERY_COLUMNS = `seq, topic, payload, flags, properties, identifiers, publisher, share,
    expires_at, drop_at, packet_id, released`
/** What a queue is charged for a row: `Message.bytes`. */
const BYTES = 'length(topic) + length(payload) + coalesce(length(properties), 0)'

/** Every statement of this file, so that a test can look at their query plans. */
export const QUEUE_SQL = {
  lastSeq: 'SELECT max(seq) AS seq FROM mqtt_queue',
  insert: `INSERT INTO mqtt_queue (session_id, seq, topic, payload, flags, properties, identifiers,
    publisher, share, expires_at, drop_at, packet_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
  remove: 'DELETE FROM mqtt_queue WHERE seq = ?',
  setPacketId: 'UPDATE mqtt_queue SET packet_id = ? WHERE seq = ?',
  setReleased: `UPDATE mqtt_queue SET released = 1, payload = x'' WHERE seq = ?`,
  sent: `SELECT ${DELIVERY_COLUMNS} FROM mqtt_queue
    WHERE session_id = ? AND seq <= ? AND packet_id IS NOT NULL ORDER BY seq`,
  page: `SELECT ${DELIVERY_COLUMNS} FROM mqtt_queue
    WHERE session_id = ? AND seq > ? AND seq <= ? AND packet_id IS NULL ORDER BY seq LIMIT ?`,
  size: `SELECT count(*) AS count,
    coalesce(sum(${BYTES}), 0) AS bytes
    FROM mqtt_queue WHERE session_id = ?`,
  oldestWaiting: `SELECT seq, ${BYTES} AS bytes
    FROM mqtt_queue WHERE session_id = ? AND seq > ? AND packet_id IS NULL ORDER BY seq LIMIT 1`,
  clear: 'DELETE FROM mqtt_queue WHERE session_id = ?',
  shared: `SELECT ${DELIVERY_COLUMNS} FROM mqtt_queue
    WHERE session_id = ? AND share IS NOT NULL ORDER BY seq LIMIT ?`,
  old: `SELECT seq, session_id, drop_at, ${BYTES} AS bytes FROM mqtt_queue
    WHERE packet_id IS NULL AND drop_at >= ? AND drop_at <= ? AND (drop_at, seq) > (?, ?)
    ORDER BY drop_at, seq LIMIT ?`,
  putReceived: 'INSERT OR IGNORE INTO mqtt_received (session_id, packet_id) VALUES (?,?)',
  removeReceived: 'DELETE FROM mqtt_received WHERE session_id = ? AND packet_id = ?',
  clearReceived: 'DELETE FROM mqtt_received WHERE session_id = ?',
  received: 'SELECT packet_id FROM mqtt_received WHERE session_id = ?',
  putRetained: `INSERT OR REPLACE INTO mqtt_retained
    (topic, payload, qos, properties, publisher, expires_at) VALUES (?,?,?,?,?,?)`,
  removeRetained: 'DELETE FROM mqtt_retained WHERE topic = ?',
  retained:
    'SELECT topic, payload, qos, properties, publisher, expires_at FROM mqtt_retained WHERE topic = ?',
} as const

/** Read whole at start only. */
const ALL_RETAINED =
  'SELECT topic, payload, qos, properties, publisher, expires_at FROM mqtt_retained'

export class QueueRows {
  private readonly store: Store
  private readonly findGroup: (name: string, filter: string) => SharedGroup | undefined
  private readonly maxQueuedAgeMs: number
  private readonly clock: RowClock
  private readonly sql

  constructor(
    store: Store,
    findGroup: (name: string, filter: string) => SharedGroup | undefined,
    maxQueuedAgeMs: number,
    clock: RowClock,
  ) {
    this.store = store
    this.findGroup = findGroup
    this.maxQueuedAgeMs = maxQueuedAgeMs
    this.clock = clock
    this.sql = {
      lastSeq: store.prepare<{ seq: number | null }>(QUEUE_SQL.lastSeq),
      insert: store.prepare(QUEUE_SQL.insert),
      remove: store.prepare(QUEUE_SQL.remove),
      setPacketId: store.prepare(QUEUE_SQL.setPacketId),
      setReleased: store.prepare(QUEUE_SQL.setReleased),
      sent: store.prepare<QueueRow>(QUEUE_SQL.sent),
      page: store.prepare<QueueRow>(QUEUE_SQL.page),
      size: store.prepare<{ count: number; bytes: number }>(QUEUE_SQL.size),
      oldestWaiting: store.prepare<{ seq: number; bytes: number }>(QUEUE_SQL.oldestWaiting),
      clear: store.prepare(QUEUE_SQL.clear),
      shared: store.prepare<QueueRow>(QUEUE_SQL.shared),
      old: store.prepare<OldRow>(QUEUE_SQL.old),
      putReceived: store.prepare(QUEUE_SQL.putReceived),
      removeReceived: store.prepare(QUEUE_SQL.removeReceived),
      clearReceived: store.prepare(QUEUE_SQL.clearReceived),
      received: store.prepare<{ packet_id: number }>(QUEUE_SQL.received),
      putRetained: store.prepare(QUEUE_SQL.putRetained),
      removeRetained: store.prepare(QUEUE_SQL.removeRetained),
      retained: store.prepare<RetainedRow>(QUEUE_SQL.retained),
    }
  }

  lastSeq(): number {
    return this.sql.lastSeq.get()?.seq ?? 0
  }

  insert(sessionRow: number, delivery: Delivery): void {
    const { message, group } = delivery
    const flags =
      delivery.qos | (delivery.retain ? RETAIN_FLAG : 0) | (message.qos << ORIGINAL_QOS_SHIFT)
    const dropAt = this.dropAt(message)
    delivery.dropAtMs = dropAt ?? Number.POSITIVE_INFINITY
    this.sql.insert.run(
      sessionRow,
      delivery.seq,
      message.topic,
      message.payload,
      flags,
      message.encodedProperties() ?? null,
      delivery.identifiers === null ? null : delivery.identifiers.join(','),
      message.publisher ?? null,
      group === null ? null : `${group.name}/${group.filter}`,
      finiteOrNull(message.expiresAtMs),
      dropAt,
      delivery.packetId || null,
    )
  }

  remove(seq: number): void {
    this.sql.remove.run(seq)
  }

  setPacketId(seq: number, packetId: number): void {
    this.sql.setPacketId.run(packetId, seq)
  }

  setReleased(seq: number): void {
    this.sql.setReleased.run(seq)
  }

  /** Those that were sent and not acknowledged. */
  sent(sessionRow: number, lastSeq: number): Delivery[] {
    return this.sql.sent.all(sessionRow, lastSeq).map((row) => this.toDelivery(row))
  }

  /** Those that were never sent. */
  page(sessionRow: number, afterSeq: number, lastSeq: number, limit: number): Delivery[] {
    return this.sql.page
      .all(sessionRow, afterSeq, lastSeq, limit)
      .map((row) => this.toDelivery(row))
  }

  size(sessionRow: number): { count: number; bytes: number } {
    return this.sql.size.get(sessionRow) ?? { count: 0, bytes: 0 }
  }

  oldestWaiting(sessionRow: number, afterSeq: number): { seq: number; bytes: number } | undefined {
    return this.sql.oldestWaiting.get(sessionRow, afterSeq)
  }

  /** Those that came by a group, sent or not. */
  shared(sessionRow: number, limit: number): Delivery[] {
    return this.sql.shared.all(sessionRow, limit).map((row) => this.toDelivery(row))
  }

  /** Waiting rows of all sessions that are too old to be delivered, after one of them, oldest first. */
  old(after: { drop_at: number; seq: number }, limit: number): OldRow[] {
    return this.sql.old.all(after.drop_at, this.clock.nowMs(), after.drop_at, after.seq, limit)
  }

  putReceived(sessionRow: number, packetId: number): void {
    this.sql.putReceived.run(sessionRow, packetId)
  }

  removeReceived(sessionRow: number, packetId: number): void {
    this.sql.removeReceived.run(sessionRow, packetId)
  }

  received(sessionRow: number): number[] {
    return this.sql.received.all(sessionRow).map((row) => row.packet_id)
  }

  /** Everything of one session but the session itself and its subscriptions. */
  clear(sessionRow: number): void {
    this.sql.clear.run(sessionRow)
    this.sql.clearReceived.run(sessionRow)
  }

  putRetained(message: Message): void {
    if (message.payload.length === 0) {
      this.sql.removeRetained.run(message.topic)
      return
    }
    this.sql.putRetained.run(
      message.topic,
      message.payload,
      message.qos,
      message.encodedProperties() ?? null,
      message.publisher ?? null,
      finiteOrNull(message.expiresAtMs),
    )
  }

  removeRetained(topic: string): void {
    this.sql.removeRetained.run(topic)
  }

  retained(topic: string): Message | undefined {
    const row = this.sql.retained.get(topic)
    return row === undefined ? undefined : toRetained(row)
  }

  allRetained(): Message[] {
    return this.store.prepare<RetainedRow>(ALL_RETAINED).all().map(toRetained)
  }

  private dropAt(message: Message): number | null {
    const { maxQueuedAgeMs } = this
    const tooOldAt =
      maxQueuedAgeMs > 0 ? this.clock.nowMs() + maxQueuedAgeMs : Number.POSITIVE_INFINITY
    return finiteOrNull(Math.min(tooOldAt, message.expiresAtMs))
  }

  private toDelivery(row: QueueRow): Delivery {
    const olderMs = this.clock.olderBy(row.seq)
    const message = new Message({
      topic: row.topic,
      payload: toBuffer(row.payload),
      qos: ((row.flags >> ORIGINAL_QOS_SHIFT) & QOS_MASK) as Qos,
      retain: (row.flags & RETAIN_FLAG) !== 0,
      properties: toProperties(row.properties),
      expiresAtMs: row.expires_at === null ? undefined : row.expires_at - olderMs,
      publisher: row.publisher ?? undefined,
    })
    return {
      message,
      qos: (row.flags & QOS_MASK) as 1 | 2,
      retain: message.retain,
      identifiers: row.identifiers === null ? null : row.identifiers.split(',').map(Number),
      group: this.toGroup(row.share),
      seq: row.seq,
      dropAtMs: row.drop_at === null ? Number.POSITIVE_INFINITY : row.drop_at - olderMs,
      packetId: row.packet_id ?? 0,
      isCommitted: true,
      isOnDisk: false,
      wasSent: row.packet_id !== null,
      isReleased: row.released === 1,
    }
  }

  private toGroup(share: string | null): SharedGroup | null {
    if (share === null) return null
    const slash = share.indexOf('/')
    return this.findGroup(share.slice(0, slash), share.slice(slash + 1)) ?? null
  }
}

function toRetained(row: RetainedRow): Message {
  return new Message({
    topic: row.topic,
    payload: toBuffer(row.payload),
    qos: row.qos as Qos,
    retain: true,
    properties: toProperties(row.properties),
    expiresAtMs: row.expires_at ?? undefined,
    publisher: row.publisher ?? undefined,
  })
}
