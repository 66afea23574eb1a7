/** The inbox as a relay reads it: which streams are behind at a sink, and the next batch of one. */
import { STREAM_STRIDE } from '../receive.ts'
import type { CoreStore } from '../storage.ts'
import type { Sink, SinkRecord } from './sink.ts'

/** Records in hand: at 300 bytes each about 150 kB. */
const BATCH_RECORDS = 500
/** Below the 1 MB that a Kafka broker takes at once unless told otherwise, uncompressed. */
const BATCH_BYTES = 900_000
/** What a record is more than its entry: names, key, headers with ids of 64 characters. */
const RECORD_OVERHEAD_BYTES = 512

export interface StreamBehind {
  readonly no: number
  readonly gatewayId: string
  readonly epoch: string
  readonly lane: string
  readonly high: number
  /** How far the sink has it by our own word; null where that was lost, or never given. */
  readonly mark: number | null
}

export interface InboxBatch {
  readonly records: readonly SinkRecord[]
  /** Where the stream stands once the sink has these. */
  readonly reached: number
}

export interface Inbox {
  behind(): readonly StreamBehind[]
  /** Where to go on: behind the mark; where there is none, a batch before what the engine says that it has. */
  start(stream: StreamBehind): Promise<number>
  /** May be empty: refused sequences have no row and nothing to hand on. */
  read(stream: StreamBehind, after: number): InboxBatch
  moveMark(stream: StreamBehind, sequence: number): Promise<void>
  /** Sequences that the sink has yet to be handed. */
  waiting(): number
}

export function openInbox(store: CoreStore, sink: Sink): Inbox {
  const behind = store.prepare<StreamBehind>(
    `SELECT stream.no, gateway.id AS gatewayId, epoch, lane, high, sequence AS mark
     FROM stream JOIN gateway ON gateway.no = gateway_no
     LEFT JOIN sink_mark ON sink = ? AND stream_no = stream.no
     WHERE high > coalesce(sequence, 0) ORDER BY stream.no`,
  )
  const sizes = store.prepare<{ key: number; size: number }>(
    `SELECT key, length(bytes) + coalesce(length(disclosed), 0) AS size FROM entry
     WHERE key > ? AND key <= ? ORDER BY key LIMIT ${BATCH_RECORDS}`,
  )
  const read = store.prepare<{
    key: number
    index: number
    bytes: Uint8Array
    disclosed: Uint8Array | null
  }>(
    `SELECT key, leaf_index AS "index", bytes, disclosed FROM entry
     WHERE key > ? AND key <= ? ORDER BY key`,
  )
  const before = store.prepare<{ key: number }>(
    `SELECT key FROM entry WHERE key > ? AND key <= ? ORDER BY key DESC LIMIT 1 OFFSET ${BATCH_RECORDS}`,
  )
  const waiting = store.prepare<{ count: number }>(
    `SELECT coalesce(sum(high - coalesce(sequence, 0)), 0) AS count FROM stream
     LEFT JOIN sink_mark ON sink = ? AND stream_no = stream.no`,
  )
  const move = store.prepare(
    `INSERT INTO sink_mark (sink, stream_no, sequence) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence`,
  )

  return {
    behind: () => behind.all(sink.name),
    async start(stream) {
      if (stream.mark !== null) return stream.mark
      const there = Math.min((await sink.lastSequence?.(stream)) ?? 0, stream.high)
      // What was in flight together may have been taken in part: later ones, and earlier ones not.
      const base = stream.no * STREAM_STRIDE
      const key = before.get(base, base + there)?.key
      return key === undefined ? 0 : key - base
    },
    read(stream, after) {
      const base = stream.no * STREAM_STRIDE
      const listed = sizes.all(base + after, base + stream.high)
      const count = fitting(listed.map(({ size }) => size))
      const last = listed[count - 1]
      if (!last) return { records: [], reached: stream.high }
      const { gatewayId, epoch, lane } = stream
      const records = read.all(base + after, last.key).map(({ key, ...row }) => ({
        gatewayId,
        epoch,
        lane,
        sequence: key - base,
        ...row,
      }))
      const isAll = count === listed.length && count < BATCH_RECORDS
      return { records, reached: isAll ? stream.high : last.key - base }
    },
    async moveMark({ no }, sequence) {
      await store.commit(() => move.run(sink.name, no, sequence))
    },
    waiting: () => waiting.get(sink.name)?.count ?? 0,
  }
}

/** How many of the first ones make a batch: one at least. */
function fitting(sizes: readonly number[]): number {
  let bytes = 0
  const over = sizes.findIndex((size, n) => {
    bytes += size + RECORD_OVERHEAD_BYTES
    return n > 0 && bytes > BATCH_BYTES
  })
  return over < 0 ? sizes.length : over
}
