/** Retained messages of the gateway, seen as packets of aedes. */
import { deserialize, serialize } from 'node:v8'
import type { Store } from '../../../storage/store.ts'
import type { Properties, Qos } from '../codec/packets.ts'
import { encodeProperties } from '../codec/properties.ts'
import type { RetainedRow } from '../queues/queue-rows.ts'
import { toBuffer, toProperties } from '../row-values.ts'

/** A packet as aedes-packet makes it. */
export interface AedesPacket {
  readonly cmd?: string
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly dup?: boolean
  readonly brokerId?: string
  readonly brokerCounter?: number
  readonly clientId?: string
  readonly nl?: boolean
  readonly messageId?: number
  readonly properties?: Properties
  /** Time in milliseconds at which the message expires. */
  readonly messageExpiry?: number
}

interface AedesRow extends RetainedRow {
  /** Fields that a plug-in has put into the packet. */
  extra: Uint8Array | null
}

const COLUMNS = 'topic, payload, qos, properties, publisher, expires_at, extra'

export const RETAINED_SQL = {
  put: `INSERT OR REPLACE INTO mqtt_retained (${COLUMNS}) VALUES (?,?,?,?,?,?,?)`,
  remove: 'DELETE FROM mqtt_retained WHERE topic = ?',
  exactly: `SELECT ${COLUMNS} FROM mqtt_retained WHERE topic = ?`,
  below: `SELECT ${COLUMNS} FROM mqtt_retained WHERE topic >= ? AND topic < ? ORDER BY topic`,
} as const

/** The highest code point: with it a prefix sorts after everything that begins with the prefix. */
const LAST = '\u{10ffff}'

export class RetainedRows {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  put(packet: AedesPacket): void {
    if (packet.payload.length === 0) {
      this.store.prepare(RETAINED_SQL.remove).run(packet.topic)
      return
    }
    const { topic, payload, qos, properties, clientId, messageExpiry, ...rest } = packet
    this.store
      .prepare(RETAINED_SQL.put)
      .run(
        topic,
        payload,
        qos,
        properties === undefined ? null : encodeProperties(properties),
        clientId ?? null,
        messageExpiry === undefined ? null : Math.ceil(messageExpiry),
        serialize({ ...rest }),
      )
  }

  exactly(topic: string): AedesPacket[] {
    return this.store.prepare<AedesRow>(RETAINED_SQL.exactly).all(topic).map(toPacket)
  }

  /** Everything under the levels of a filter before its first wildcard: a range of the primary key. */
  below(filter: string): AedesPacket[] {
    const wildcard = filter.search(/[+#]/)
    const prefix = filter.slice(0, wildcard)
    // `a/#` matches `a` too.
    const from = filter[wildcard] === '#' ? prefix.replace(/\/$/, '') : prefix
    return this.store
      .prepare<AedesRow>(RETAINED_SQL.below)
      .all(from, prefix + LAST)
      .map(toPacket)
  }
}

function toPacket(row: AedesRow): AedesPacket {
  const extra = row.extra === null ? { cmd: 'publish' } : (deserialize(row.extra) as object)
  return {
    ...extra,
    topic: row.topic,
    payload: Buffer.from(toBuffer(row.payload)),
    qos: row.qos as Qos,
    retain: true,
    ...(row.properties === null ? {} : { properties: toProperties(row.properties) ?? {} }),
    ...(row.publisher === null ? {} : { clientId: row.publisher }),
    ...(row.expires_at === null ? {} : { messageExpiry: row.expires_at }),
  }
}

/** What aedes-packet keeps of a packet: not its length, not its message id. */
export function keptPacket(packet: AedesPacket): AedesPacket {
  const {
    clientId,
    nl,
    properties,
    messageExpiry,
    topic,
    payload,
    qos = 0,
    retain = false,
  } = packet
  const cmd = packet.cmd ?? 'publish'
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(nl === undefined ? {} : { nl }),
    ...(properties === undefined ? {} : { properties }),
    ...(messageExpiry === undefined ? {} : { messageExpiry }),
    cmd,
    ...(packet.brokerId === undefined ? {} : { brokerId: packet.brokerId }),
    brokerCounter: packet.brokerCounter ?? 0,
    topic,
    payload: payload ?? Buffer.alloc(0),
    qos,
    retain,
    dup: packet.dup ?? false,
    ...(qos > 0 || cmd !== 'publish' ? { messageId: undefined as never } : {}),
  }
}
