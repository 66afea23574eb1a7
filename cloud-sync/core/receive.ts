/**
 * Receives batches: each entry with effect once, in order per gateway, epoch and lane.
 *
 * The mark of a stream moves in the same transaction as its entries are written, so a batch that comes
 * again finds its entries below the mark, and one that comes too early finds its own beginning above.
 */
import { CloudError } from '../errors.ts'
import type { Clock, Logger } from '../ports.ts'
import { readEntry } from '../protocol/entry.ts'
import { MAX_DISCLOSED_BYTES, MAX_ENTRY_BYTES } from '../protocol/limits.ts'
import type { PushAnswer, PushBatch, RefusalCode } from '../protocol/messages.ts'
import { dayOf } from './days.ts'
import { createDisclosed } from './disclosed.ts'
import type { Gateway } from './gateways.ts'
import type { LogHeads } from './log-heads.ts'
import type { ProvenTime } from './proven-time.ts'
import type { Sessions } from './sessions.ts'
import type { CoreStore } from './storage.ts'
import { STREAM_STRIDE } from './stream-stride.ts'

export { STREAM_STRIDE }

export type Received =
  | { readonly kind: 'stored'; readonly answer: PushAnswer }
  | { readonly kind: 'ahead'; readonly acknowledged: number }
  /** From here on other entries are kept under the same numbers; nothing of the batch was stored. */
  | { readonly kind: 'forked'; readonly fromSequence: number }

export interface Receiver {
  /** Resolves after the commit. Throws `request.invalid` and `core.storage`. */
  receive(gateway: Gateway, batch: PushBatch): Promise<Received>
}

export interface ReceiverParts {
  readonly store: CoreStore
  readonly sessions: Pick<Sessions, 'record'>
  readonly heads: Pick<LogHeads, 'markForked' | 'noteOpening'>
  readonly clock: Pick<Clock, 'now'>
  readonly time: Pick<ProvenTime, 'receiptMs'>
  readonly logger: Pick<Logger, 'warn'>
}

interface StreamRow {
  no: number
  high: number
}

interface Tally {
  high: number
  stored: number
  bytes: number
  duplicates: number
  unchecked: number
  missing: number
  /** Sequences up to here were never meant for this stream: a lane counts on over its epochs. */
  readonly begins: number
}

export function createReceiver({
  store,
  sessions,
  heads,
  clock,
  time,
  logger,
}: ReceiverParts): Receiver {
  const shown = createDisclosed(store)
  const compare = createComparison(store)
  const addStream = store.prepare(
    `INSERT INTO stream (gateway_no, epoch, lane, updated_at) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  )
  const findStream = store.prepare<StreamRow>(
    'SELECT no, high FROM stream WHERE gateway_no = ? AND epoch = ? AND lane = ?',
  )
  const findEarlier = store.prepare(
    'SELECT 1 FROM stream WHERE gateway_no = ? AND lane = ? AND no < ? LIMIT 1',
  )
  const addEntry = store.prepare(
    'INSERT INTO entry (key, leaf_index, bytes, disclosed) VALUES (?, ?, ?, ?)',
  )
  const addRefusal = store.prepare('INSERT INTO refusal (key, code) VALUES (?, ?)')
  const findRefusals = store.prepare<{ key: number; code: RefusalCode }>(
    'SELECT key, code FROM refusal WHERE key BETWEEN ? AND ? ORDER BY key',
  )
  const moveMark = store.prepare(
    `UPDATE stream SET high = ?, entries = entries + ?, bytes = bytes + ?,
       duplicates = duplicates + ?, missing = missing + ?, nonce = ?, updated_at = ? WHERE no = ?`,
  )
  const addDay = store.prepare(
    `INSERT INTO stream_day (stream_no, day, after_sequence) VALUES (?, ?, ?)
     ON CONFLICT DO NOTHING`,
  )
  const touch = store.prepare('UPDATE gateway SET seen_at = ? WHERE no = ?')
  const readBack = store.prepare<{ high: number; nonce: string }>(
    'SELECT high, nonce FROM stream WHERE no = ?',
  )

  function write(gateway: Gateway, batch: PushBatch, now: number) {
    let stream = findStream.get(gateway.no, batch.epoch, batch.lane)
    if (batch.after > (stream?.high ?? 0)) {
      return { kind: 'ahead', acknowledged: stream?.high ?? 0 } as const
    }
    if (!stream) {
      addStream.run(gateway.no, batch.epoch, batch.lane, now)
      stream = findStream.get(gateway.no, batch.epoch, batch.lane)
      if (!stream) throw new CloudError('core.failed', { detail: 'stream not found' })
    }
    const { fork, unchecked } = compare(stream, batch)
    if (fork !== undefined) {
      heads.markForked(gateway.no, batch.epoch, { lane: batch.lane, ...fork })
      return { kind: 'forked', fromSequence: fork.sequence } as const
    }
    addDay.run(stream.no, dayOf(time.receiptMs()), stream.high)
    const tally = {
      high: stream.high,
      stored: 0,
      bytes: 0,
      duplicates: 0,
      unchecked,
      missing: 0,
      begins: beginningOf(gateway, batch, stream),
    }
    for (const entry of batch.entries) writeEntry(gateway, batch.lane, stream.no, entry, tally)
    const { high, stored, bytes, duplicates, missing } = tally
    moveMark.run(high, stored, bytes, duplicates, missing, batch.nonce, now, stream.no)
    touch.run(now, gateway.no)
    return { kind: 'written', streamNo: stream.no, tally } as const
  }

  /** What came before the first entry of a later epoch lies in another stream, or with the gateway. */
  function beginningOf(gateway: Gateway, { lane, entries }: PushBatch, { no, high }: StreamRow) {
    if (high > 0 || !findEarlier.get(gateway.no, lane, no)) return high
    return (entries[0]?.[0] ?? 1) - 1
  }

  function writeEntry(
    gateway: Gateway,
    lane: string,
    streamNo: number,
    [sequence, leafIndex, bytes, disclosed]: PushBatch['entries'][number],
    tally: Tally,
  ): void {
    if (sequence <= tally.high) {
      tally.duplicates += 1
      return
    }
    const key = streamNo * STREAM_STRIDE + sequence
    const read = readEntry(bytes)
    const code = refusalOf(read, lane, sequence, bytes, disclosed)
    if (code) {
      addRefusal.run(key, code)
    } else {
      // Whose part it is stands in the head: what cannot be read can never be erased, so it is not kept.
      const head = read.kind === 'read' ? read.head : undefined
      const kept = head ? shown.admit(gateway.no, head, disclosed) : null
      addEntry.run(key, leafIndex, bytes, kept)
      if (head) {
        shown.record(gateway.no, key, head, kept)
        sessions.record(gateway.no, key, head)
        heads.noteOpening(gateway.no, leafIndex, head)
      }
      tally.stored += 1
      tally.bytes += bytes.length
    }
    tally.missing += sequence - Math.max(tally.high, tally.begins) - 1
    tally.high = sequence
  }

  return {
    async receive(gateway, batch) {
      const first = batch.entries[0]
      const last = batch.entries[batch.entries.length - 1]
      if (!first || !last || !isRising(batch)) {
        throw new CloudError('request.invalid', { detail: 'entries: sequences must rise' })
      }
      const written = await store.commit(() => write(gateway, batch, clock.now()))
      if (written.kind === 'ahead') return written
      if (written.kind === 'forked') {
        const { epoch, lane } = batch
        logger.warn(
          { gateway: gateway.id, epoch, lane, fromSequence: written.fromSequence },
          'a gateway has other entries under the same numbers: its data folder was put back, or two boxes run from one copy; it goes on in a new epoch, its kefu-edge doctor says what to do',
        )
        return written
      }
      const { streamNo, tally } = written
      const kept = readBack.get(streamNo)
      if (!kept) throw new CloudError('core.failed', { detail: 'stream not found' })
      const base = streamNo * STREAM_STRIDE
      const refused = findRefusals
        .all(base + first[0], base + last[0])
        .map(({ key, code }) => ({ sequence: key - base, code }))
      const { stored, duplicates, unchecked } = tally
      const counts = { acknowledged: kept.high, stored, duplicates, unchecked }
      return { kind: 'stored', answer: { ...counts, refused, nonce: kept.nonce } }
    },
  }
}

/**
 * Whether what comes again is what is kept: two histories of one gateway give the same numbers to other
 * entries. What retention removed, or what never came, cannot be compared.
 */
function createComparison(store: CoreStore) {
  const kept = store.prepare<{ key: number; bytes: Uint8Array }>(
    'SELECT key, bytes FROM entry WHERE key BETWEEN ? AND ?',
  )
  const refused = store.prepare<{ key: number }>(
    'SELECT key FROM refusal WHERE key BETWEEN ? AND ?',
  )

  return ({ no, high }: StreamRow, { entries }: PushBatch) => {
    const [first = high + 1] = entries[0] ?? []
    if (first > high) return { unchecked: 0 }
    const base = no * STREAM_STRIDE
    const range = [base + first, base + Math.min(high, entries.at(-1)?.[0] ?? high)] as const
    const known = new Map(kept.all(...range).map(({ key, bytes }) => [key - base, bytes]))
    const without = new Set(refused.all(...range).map(({ key }) => key - base))
    let unchecked = 0
    for (const [sequence, , bytes] of entries) {
      if (sequence > high) break
      const there = known.get(sequence)
      if (there && Buffer.compare(there, bytes) !== 0)
        return { fork: { sequence, bytes }, unchecked }
      if (!there && !without.has(sequence)) unchecked += 1
    }
    return { unchecked }
  }
}

function refusalOf(
  read: ReturnType<typeof readEntry>,
  lane: string,
  sequence: number,
  bytes: Uint8Array,
  disclosed: Uint8Array | null,
): RefusalCode | undefined {
  if (bytes.length > MAX_ENTRY_BYTES || (disclosed?.length ?? 0) > MAX_DISCLOSED_BYTES) {
    return 'entry.too-large'
  }
  if (read.kind === 'not-msgpack') return 'entry.not-msgpack'
  if (read.kind === 'other-format') return undefined
  const isInPlace = read.head.lane === lane && read.head.sequence === sequence
  return isInPlace ? undefined : 'entry.mismatch'
}

function isRising(batch: PushBatch): boolean {
  let previous = 0
  for (const [sequence] of batch.entries) {
    if (sequence <= previous) return false
    previous = sequence
  }
  return true
}
