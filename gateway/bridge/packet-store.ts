/**
 * What MQTT.js must not forget, in the gateway's SQLite file: packet ids of messages under way to the
 * other broker, and of QoS 2 messages that came from it. With both kept, a QoS 2 message has effect once
 * even when the gateway is killed in the middle of its handshake (MQTT 5.0 section 4.3.3).
 */
import { Readable } from 'node:stream'
import type { IStore } from 'mqtt'
import type { IPublishPacket, IPubrelPacket, Packet } from 'mqtt-packet'
import type { Store } from '../storage/store.ts'
import type { BridgeRows, OutgoingRow } from './bridge-rows.ts'
import type { WaitingMessage } from './outgoing-queue.ts'
import { toPacket } from './packet-properties.ts'

export interface OutgoingStoreParts {
  readonly store: Store
  readonly rows: BridgeRows
  readonly isVersion5: boolean
  readonly read: (row: OutgoingRow) => WaitingMessage | undefined
  /** The entry that is being published just now: MQTT.js stores a packet within its call to publish. */
  readonly publishing: () => number | undefined
  /** The other broker has acknowledged the packet, or refused it. Resolves when that is on disk. */
  readonly settled: (row: OutgoingRow) => Promise<void>
  /** What was under way cannot be read again: it has expired. */
  readonly gone: (row: OutgoingRow) => void
}

type Done = (error?: Error, packet?: Packet) => void
const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))

/** The packets that MQTT.js sends again on a new connection, oldest first. */
export function createOutgoingStore(parts: OutgoingStoreParts): IStore {
  const { store, rows } = parts
  const self: IStore = {
    put(packet, done) {
      const { messageId } = packet
      const idx = parts.publishing()
      if (messageId === undefined || (packet.cmd === 'publish' && idx === undefined)) {
        done()
        return self
      }
      const written = store.commit(() => {
        if (packet.cmd === 'pubrel') rows.released(messageId)
        else if (idx !== undefined) rows.sending(idx, messageId)
      })
      // Nothing leaves before its packet id is kept: after a crash it is known as sent before.
      written.then(
        () => done(),
        (error: unknown) => done(asError(error)),
      )
      return self
    },
    del({ messageId }, done: Done) {
      const row = messageId === undefined ? undefined : rows.byPacket(messageId)
      if (!row) done()
      else
        parts.settled(row).then(
          () => done(),
          (error: unknown) => done(asError(error)),
        )
      return self
    },
    get(_packet, done: Done) {
      done(new Error('not read'))
      return self
    },
    createStream: () => {
      const again = rows.inflight().flatMap((row) => {
        const packet = packetAgain(row)
        if (packet === undefined) parts.gone(row)
        return packet ?? []
      })
      return Readable.from(again, { objectMode: true }) as ReturnType<IStore['createStream']>
    },
    close: (done) => done(),
  }

  function packetAgain(row: OutgoingRow): IPublishPacket | IPubrelPacket | undefined {
    const messageId = row.packet_id ?? 0
    if (row.is_released === 1) return { cmd: 'pubrel', messageId }
    const message = parts.read(row)
    if (!message) return undefined
    const { topic, payload, qos, retain, properties } = message
    const extra = properties && parts.isVersion5 ? { properties: toPacket(properties) } : {}
    return { cmd: 'publish', messageId, topic, payload, qos, retain, dup: true, ...extra }
  }

  return self
}

/** Knows the QoS 2 messages that were taken and wait for their PUBREL. */
export function createIncomingStore(
  store: Store,
  rows: BridgeRows,
  /** Publishes the message here and keeps its id, in one transaction; PUBREC leaves when it calls back. */
  takeOnce: (packet: IPublishPacket, done: () => void) => void,
): IStore {
  const self: IStore = {
    put(packet, done) {
      if (packet.cmd === 'publish') takeOnce(packet, () => done())
      else done()
      return self
    },
    get({ messageId }, done: Done) {
      if (messageId !== undefined && rows.isReceived('remote', messageId)) {
        const packet = { cmd: 'publish', messageId, topic: '', payload: '', qos: 2 } as const
        done(undefined, { ...packet, dup: false, retain: false })
      } else done(new Error('not known'))
      return self
    },
    del({ messageId }, done: Done) {
      if (messageId === undefined || !rows.isReceived('remote', messageId)) done()
      else {
        store
          .commit(() => rows.forget('remote', messageId))
          .then(
            () => done(),
            (error: unknown) => done(asError(error)),
          )
      }
      return self
    },
    createStream: () =>
      Readable.from([], { objectMode: true }) as ReturnType<IStore['createStream']>,
    close: (done) => done(),
  }
  return self
}
