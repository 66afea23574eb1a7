/**
 * The persistence of the aedes core on the gateway's SQLite file. Retained messages are the gateway's
 * own; subscriptions, queues and wills are those of clients that aedes itself would serve. Every method
 * resolves once its change is on disk.
 */
import { Readable } from 'node:stream'
import { deserialize, serialize } from 'node:v8'
import type { SqlValue, Store } from '../../../storage/store.ts'
import { covers } from '../../../topic-filters.ts'
import { hasWildcard } from '../codec/topics.ts'
import { type AedesPacket, keptPacket, RetainedRows } from './retained-rows.ts'
import {
  type AedesSubscription,
  type MatchedSubscription,
  SubscriptionIndex,
} from './subscription-index.ts'

interface AedesBroker {
  readonly id: string
}

interface ClientRef {
  readonly id: string
}

interface OutgoingRow {
  seq: number
  packet: Uint8Array
}

export const AEDES_SQL = {
  putSubscription: `INSERT INTO aedes_subscription (client_id, topic, qos, options) VALUES (?,?,?,?)
    ON CONFLICT (client_id, topic) DO UPDATE SET qos = excluded.qos, options = excluded.options`,
  removeSubscription: 'DELETE FROM aedes_subscription WHERE client_id = ? AND topic = ?',
  subscriptions:
    'SELECT topic, qos, options FROM aedes_subscription WHERE client_id = ? ORDER BY rowid',
  clearSubscriptions: 'DELETE FROM aedes_subscription WHERE client_id = ?',
  clientsOf: 'SELECT client_id FROM aedes_subscription WHERE topic = ? ORDER BY client_id',
  enqueue: `INSERT INTO aedes_outgoing (client_id, broker_id, broker_counter, message_id, packet)
    VALUES (?,?,?,?,?)`,
  outgoing: 'SELECT seq, packet FROM aedes_outgoing WHERE client_id = ? ORDER BY seq',
  byOrigin: `SELECT seq, packet FROM aedes_outgoing
    WHERE client_id = ? AND broker_id = ? AND broker_counter = ? LIMIT 1`,
  byMessage:
    'SELECT seq, packet FROM aedes_outgoing WHERE client_id = ? AND message_id = ? ORDER BY seq LIMIT 1',
  update: 'UPDATE aedes_outgoing SET message_id = ?, packet = ? WHERE seq = ?',
  remove: 'DELETE FROM aedes_outgoing WHERE seq = ?',
  putIncoming:
    'INSERT OR REPLACE INTO aedes_incoming (client_id, message_id, packet) VALUES (?,?,?)',
  incoming: 'SELECT packet FROM aedes_incoming WHERE client_id = ? AND message_id = ?',
  removeIncoming: 'DELETE FROM aedes_incoming WHERE client_id = ? AND message_id = ?',
  clearIncoming: 'DELETE FROM aedes_incoming WHERE client_id = ?',
  putWill: 'INSERT OR REPLACE INTO aedes_will (client_id, broker_id, packet) VALUES (?,?,?)',
  will: 'SELECT packet FROM aedes_will WHERE client_id = ?',
  removeWill: 'DELETE FROM aedes_will WHERE client_id = ?',
} as const

/** Read whole: at start, and when aedes looks for the wills of brokers that died. */
const ALL_SUBSCRIPTIONS =
  'SELECT client_id, topic, qos, options FROM aedes_subscription ORDER BY rowid'
const ALL_WILLS = 'SELECT broker_id, packet FROM aedes_will'

export interface PersistenceParts {
  readonly store: Store
  /** A retained message was stored or removed through aedes. */
  readonly onRetained?: (packet: AedesPacket) => void
}

export class AedesPersistence {
  private readonly store: Store
  private readonly parts: PersistenceParts
  private readonly retained: RetainedRows
  private readonly index = new SubscriptionIndex()
  private isDestroyed = false
  broker: AedesBroker = { id: '' }

  constructor(parts: PersistenceParts) {
    this.parts = parts
    this.store = parts.store
    this.retained = new RetainedRows(parts.store)
  }

  async setup(broker: AedesBroker): Promise<void> {
    this.broker = broker
    const rows = this.store
      .prepare<{ client_id: string; topic: string; options: Uint8Array }>(ALL_SUBSCRIPTIONS)
      .all()
    for (const row of rows) {
      this.index.add(row.client_id, deserialize(row.options) as AedesSubscription)
    }
  }

  async storeRetained(packet: AedesPacket): Promise<void> {
    await this.store.commit(() => this.retained.put(packet))
    this.parts.onRetained?.(packet)
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    const found = patterns.flatMap((pattern) =>
      hasWildcard(pattern)
        ? this.retained.below(pattern).filter((packet) => covers(pattern, packet.topic))
        : this.retained.exactly(pattern),
    )
    return Readable.from(found)
  }

  async addSubscriptions(
    client: ClientRef,
    subscriptions: readonly AedesSubscription[],
  ): Promise<void> {
    for (const subscription of subscriptions) this.index.add(client.id, subscription)
    await this.store.commit(() => {
      const put = this.store.prepare(AEDES_SQL.putSubscription)
      for (const one of subscriptions) put.run(client.id, one.topic, one.qos, serialize(one))
    })
  }

  async removeSubscriptions(client: ClientRef, topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.index.remove(client.id, topic)
    await this.store.commit(() => {
      const remove = this.store.prepare(AEDES_SQL.removeSubscription)
      for (const topic of topics) remove.run(client.id, topic)
    })
  }

  async subscriptionsByClient(client: ClientRef): Promise<AedesSubscription[]> {
    return this.store
      .prepare<{ options: Uint8Array }>(AEDES_SQL.subscriptions)
      .all(client.id)
      .map((row) => deserialize(row.options) as AedesSubscription)
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return this.index.counts()
  }

  /** Subscriptions of QoS 1 and 2 that match a topic. */
  async subscriptionsByTopic(topic: string): Promise<MatchedSubscription[]> {
    return this.index.match(topic)
  }

  async cleanSubscriptions(client: ClientRef): Promise<void> {
    for (const { topic } of await this.subscriptionsByClient(client))
      this.index.remove(client.id, topic)
    await this.store.commit(() => this.store.prepare(AEDES_SQL.clearSubscriptions).run(client.id))
  }

  async outgoingEnqueue(subscription: { clientId: string }, packet: AedesPacket): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet)
  }

  async outgoingEnqueueCombi(
    subscriptions: readonly { clientId: string }[],
    packet: AedesPacket,
  ): Promise<void> {
    const kept = keptPacket(packet)
    await this.store.commit(() => {
      const enqueue = this.store.prepare(AEDES_SQL.enqueue)
      for (const { clientId } of subscriptions) {
        enqueue.run(clientId, kept.brokerId ?? null, kept.brokerCounter ?? null, null, pack(kept))
      }
    })
  }

  /** Gives a queued packet its message id, or puts a PUBREL in the place of the packet of that id. */
  async outgoingUpdate(client: ClientRef, packet: AedesPacket): Promise<void> {
    const { brokerId, brokerCounter, messageId = null } = packet
    const isUpdated = await this.store.commit(() => {
      const row =
        brokerId === undefined || brokerCounter === undefined
          ? this.byMessage(client.id, messageId)
          : this.store
              .prepare<OutgoingRow>(AEDES_SQL.byOrigin)
              .get(client.id, brokerId, brokerCounter)
      if (row === undefined) return false
      const next =
        brokerId === undefined ? packet : { ...unpack(row.packet), messageId: packet.messageId }
      this.store.prepare(AEDES_SQL.update).run(messageId, pack(next as AedesPacket), row.seq)
      return true
    })
    if (!isUpdated) throw new Error('no such packet')
  }

  async outgoingClearMessageId(
    client: ClientRef,
    packet: AedesPacket,
  ): Promise<AedesPacket | undefined> {
    return this.store.commit(() => {
      const row = this.byMessage(client.id, packet.messageId ?? null)
      if (row === undefined) return undefined
      this.store.prepare(AEDES_SQL.remove).run(row.seq)
      return unpack(row.packet)
    })
  }

  outgoingStream(client: ClientRef): Readable {
    const rows = this.store.prepare<OutgoingRow>(AEDES_SQL.outgoing).all(client.id)
    return Readable.from(rows.map((row) => unpack(row.packet)))
  }

  async incomingStorePacket(client: ClientRef, packet: AedesPacket): Promise<void> {
    const kept = { ...keptPacket(packet), messageId: packet.messageId }
    const row: SqlValue[] = [client.id, packet.messageId ?? 0, pack(kept as AedesPacket)]
    await this.store.commit(() => this.store.prepare(AEDES_SQL.putIncoming).run(...row))
  }

  async incomingGetPacket(client: ClientRef, packet: AedesPacket): Promise<AedesPacket> {
    const row = this.store
      .prepare<{ packet: Uint8Array }>(AEDES_SQL.incoming)
      .get(client.id, packet.messageId ?? 0)
    if (row === undefined) throw new Error('no such packet')
    return unpack(row.packet)
  }

  async incomingDelPacket(client: ClientRef, packet: AedesPacket): Promise<void> {
    const { changes } = await this.store.commit(() =>
      this.store.prepare(AEDES_SQL.removeIncoming).run(client.id, packet.messageId ?? 0),
    )
    if (changes === 0) throw new Error('no such packet')
  }

  async cleanIncoming(client: ClientRef): Promise<void> {
    await this.store.commit(() => this.store.prepare(AEDES_SQL.clearIncoming).run(client.id))
  }

  /** Marks the packet with client and broker, as aedes expects of every persistence. */
  async putWill(client: ClientRef, packet: AedesPacket): Promise<void> {
    Object.assign(packet, { clientId: client.id, brokerId: this.broker.id })
    const row: SqlValue[] = [client.id, this.broker.id, pack(packet)]
    await this.store.commit(() => this.store.prepare(AEDES_SQL.putWill).run(...row))
  }

  async getWill(client: ClientRef): Promise<AedesPacket | undefined> {
    const row = this.store.prepare<{ packet: Uint8Array }>(AEDES_SQL.will).get(client.id)
    return row && unpack(row.packet)
  }

  async delWill(client: ClientRef): Promise<AedesPacket | undefined> {
    const will = await this.getWill(client)
    await this.store.commit(() => this.store.prepare(AEDES_SQL.removeWill).run(client.id))
    return will
  }

  /** Wills of brokers that are not among the living ones. */
  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    const rows = this.store
      .prepare<{ broker_id: string | null; packet: Uint8Array }>(ALL_WILLS)
      .all()
      .filter((row) => !Object.hasOwn(brokers, row.broker_id ?? ''))
    return Readable.from(rows.map((row) => unpack(row.packet)))
  }

  getClientList(topic: string): Readable {
    const rows = this.store.prepare<{ client_id: string }>(AEDES_SQL.clientsOf).all(topic)
    return Readable.from(rows.map((row) => row.client_id))
  }

  /** The store itself belongs to the house and stays open. */
  async destroy(): Promise<void> {
    if (this.isDestroyed) throw new Error('destroyed called twice!')
    this.isDestroyed = true
    await this.store.durable()
  }

  private byMessage(clientId: string, messageId: number | null): OutgoingRow | undefined {
    return this.store.prepare<OutgoingRow>(AEDES_SQL.byMessage).get(clientId, messageId)
  }
}

const pack = (packet: AedesPacket): Buffer => serialize({ ...packet })
const unpack = (bytes: Uint8Array): AedesPacket => deserialize(bytes) as AedesPacket
