/**
 * Hands the inbox on to a sink: in order per stream, each record at least once, its mark moved after.
 *
 * A crash between the engine's word and the mark brings the same records again; the engine drops them by
 * message id, or the relay begins after what the engine says that it has.
 */
import { type BackoffLimits, createBackoff, sleep } from '../../backoff.ts'
import type { Logger } from '../../ports.ts'
import { STREAM_STRIDE } from '../receive.ts'
import type { CoreStore } from '../storage.ts'
import type { Sink, SinkRecord } from './sink.ts'

/** Records in hand: at 300 bytes each about 150 kB. */
const BATCH_RECORDS = 500
/** How often the inbox is looked through when nobody nudges. */
const SCAN_EVERY_MS = 1000

export interface RelayStatus {
  readonly sink: string
  readonly relayed: number
  readonly waiting: number
  readonly lastError?: string
}

export interface Relay {
  start(): void
  close(): Promise<void>
  /** Something was received. */
  nudge(): void
  status(): RelayStatus
}

interface StreamRow {
  no: number
  gatewayId: string
  epoch: string
  lane: string
  high: number
  mark: number
}

export function createRelay(
  store: CoreStore,
  sink: Sink,
  logger: Logger,
  backoffLimits?: BackoffLimits,
): Relay {
  const closing = new AbortController()
  const backoff = createBackoff(Math.random, backoffLimits)
  const behind = store.prepare<StreamRow>(
    `SELECT stream.no, gateway.id AS gatewayId, epoch, lane, high, coalesce(sequence, 0) AS mark
     FROM stream JOIN gateway ON gateway.no = gateway_no
     LEFT JOIN sink_mark ON sink = ? AND stream_no = stream.no
     WHERE high > coalesce(sequence, 0) ORDER BY stream.no`,
  )
  const read = store.prepare<{
    key: number
    index: number
    bytes: Uint8Array
    disclosed: Uint8Array | null
  }>(
    `SELECT key, leaf_index AS "index", bytes, disclosed FROM entry
     WHERE key > ? AND key <= ? ORDER BY key LIMIT ?`,
  )
  const waiting = store.prepare<{ count: number }>(
    `SELECT coalesce(sum(high - coalesce(sequence, 0)), 0) AS count FROM stream
     LEFT JOIN sink_mark ON sink = ? AND stream_no = stream.no`,
  )
  const move = store.prepare(
    `INSERT INTO sink_mark (sink, stream_no, sequence) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence`,
  )
  const compared = new Set<number>()
  let running: Promise<void> | undefined
  let relayed = 0
  let lastError: string | undefined
  let wake = () => {}

  async function moveMark(streamNo: number, sequence: number): Promise<void> {
    await store.commit(() => move.run(sink.name, streamNo, sequence))
  }

  /** One batch of a stream; how many records it had. */
  async function relay(stream: StreamRow): Promise<number> {
    let { mark } = stream
    if (!compared.has(stream.no)) {
      const there = (await sink.lastSequence?.(stream)) ?? 0
      compared.add(stream.no)
      if (there > mark) {
        mark = Math.min(there, stream.high)
        await moveMark(stream.no, mark)
      }
    }
    const base = stream.no * STREAM_STRIDE
    const rows = read.all(base + mark, base + stream.high, BATCH_RECORDS)
    const { gatewayId, epoch, lane } = stream
    const records: SinkRecord[] = rows.map(({ key, ...row }) => ({
      gatewayId,
      epoch,
      lane,
      sequence: key - base,
      ...row,
    }))
    if (records.length > 0) await sink.publish(records)
    const last = records[records.length - 1]
    // Refused sequences at the end of a stream have no row and nothing to hand on.
    const reached = records.length < BATCH_RECORDS || !last ? stream.high : last.sequence
    await moveMark(stream.no, reached)
    relayed += records.length
    return records.length
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await backoff.ready(closing.signal)
      try {
        let count = 0
        for (const stream of behind.all(sink.name)) {
          if (closing.signal.aborted) return
          count += await relay(stream)
        }
        lastError = undefined
        backoff.succeeded()
        if (count === 0) await idle()
      } catch (error) {
        lastError = String(error)
        logger.warn({ sink: sink.name, error }, 'the sink did not take records; they stay here')
        backoff.failed('busy')
      }
    }
  }

  async function idle(): Promise<void> {
    const wait = new AbortController()
    wake = () => wait.abort()
    closing.signal.addEventListener('abort', wake, { once: true })
    await sleep(SCAN_EVERY_MS, wait.signal)
    closing.signal.removeEventListener('abort', wake)
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      closing.abort()
      backoff.resume()
      wake()
      await running
      await sink.close()
    },
    nudge: () => wake(),
    status: () => ({
      sink: sink.name,
      relayed,
      waiting: waiting.get(sink.name)?.count ?? 0,
      ...(lastError === undefined ? {} : { lastError }),
    }),
  }
}
