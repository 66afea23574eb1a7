/** One batch: entries of one lane and epoch, packed, compressed and sized to what the link carries. */
import { BETWEEN_TURNS, type Manners } from './manners.ts'
import type { LedgerSource, SourceEntry } from './ports.ts'
import type { PushBatch } from './protocol/messages.ts'
import { packr } from './protocol/parse.ts'

/** Below this the gzip header costs more than it saves. */
const COMPRESS_FROM_BYTES = 512
/** A whole batch takes up to 60 ms; after so much of it whoever asks something has his turn. */
const TURN_MS = 0.5

/** A batch without its content: all that is needed to decide what its delivery means. */
export interface BatchHead {
  readonly lane: string
  readonly epoch: string
  readonly count: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly bytes: number
  /** The lane has more waiting: it drains as backlog, behind the lanes that are up to date. */
  readonly isBacklog: boolean
}

export interface Batch extends BatchHead {
  readonly entries: readonly SourceEntry[]
}

export function headOf({ entries: _, ...head }: Batch): BatchHead {
  return head
}

/**
 * Undefined when the lane has nothing after `after`. Reads in slices, with the event loop in between.
 * Throws what the source throws.
 */
export async function readBatch(
  source: Pick<LedgerSource, 'readLane'>,
  lane: string,
  after: number,
  size: { readonly entries: number; readonly bytes: number },
  manners: Manners = BETWEEN_TURNS,
): Promise<Batch | undefined> {
  const entries: SourceEntry[] = []
  let bytes = 0
  let last: SourceEntry | undefined
  const pace = createPace(manners)
  /** So much at once that more must be waiting. */
  const isBacklog = () => entries.length >= size.entries || bytes * 2 >= size.bytes
  for (;;) {
    const wanted = Math.min(manners.sliceEntries, size.entries - entries.length)
    const slice = source.readLane(lane, last?.sequence ?? after, wanted, size.bytes - bytes)
    for (const entry of slice) {
      const length = entry.bytes.length + (entry.disclosed?.length ?? 0)
      if (last && (entry.epoch !== last.epoch || bytes + length > size.bytes)) {
        return batchOf(lane, entries, bytes, isBacklog())
      }
      entries.push(entry)
      bytes += length
      last = entry
    }
    const isFull = entries.length >= size.entries || bytes >= size.bytes
    if (isFull || slice.length < wanted) return batchOf(lane, entries, bytes, isBacklog())
    await pace()
  }
}

function batchOf(
  lane: string,
  entries: readonly SourceEntry[],
  bytes: number,
  isBacklog: boolean,
): Batch | undefined {
  const first = entries[0]
  const last = entries.at(-1)
  if (!first || !last) return undefined
  const { epoch, sequence: firstSequence } = first
  const head = { lane, epoch, count: entries.length, firstSequence, bytes, isBacklog }
  return { ...head, lastSequence: last.sequence, entries }
}

export interface EncodedBatch {
  readonly body: Uint8Array
  readonly contentEncoding?: 'gzip'
}

export async function encodeBatch(
  batch: Batch,
  after: number,
  nonce: string,
  manners: Manners = BETWEEN_TURNS,
): Promise<EncodedBatch> {
  const { epoch, lane, entries } = batch
  const head: PushBatch = { v: 1, epoch, lane, after, nonce, entries: [] }
  const pieces: Uint8Array[] = [openArray(packr.encode(head), entries.length)]
  const pace = createPace(manners)
  const { sliceEntries } = manners
  for (let from = 0; from < entries.length; from += sliceEntries) {
    await pace()
    const slice = entries
      .slice(from, from + sliceEntries)
      .map(({ sequence, index, bytes, disclosed = null }) => [sequence, index, bytes, disclosed])
    const header = slice.length < MAX_FIXARRAY ? 1 : ARRAY_16_HEADER_BYTES
    pieces.push(packr.encode(slice).subarray(header))
  }
  const packed = Buffer.concat(pieces)
  if (packed.length < COMPRESS_FROM_BYTES) return { body: packed }
  return { body: await manners.compress(packed), contentEncoding: 'gzip' }
}

/** Goes on at once, or after a pause when this turn has had enough. */
function createPace(manners: Manners): () => Promise<void> | undefined {
  let startedAt = performance.now()
  return () =>
    performance.now() - startedAt < TURN_MS
      ? undefined
      : manners.pause().then(() => {
          startedAt = performance.now()
        })
}

/** MessagePack format byte of an array with a 32-bit length. */
const ARRAY_32 = 0xdd
/** Shorter arrays have their length in the format byte. */
const MAX_FIXARRAY = 16
const ARRAY_16_HEADER_BYTES = 3

/** The map's last value is an empty array, one byte: instead of it one that `length` entries are to follow. */
function openArray(head: Uint8Array, length: number): Buffer {
  const opened = Buffer.alloc(head.length + 4)
  opened.set(head.subarray(0, -1))
  opened.writeUInt8(ARRAY_32, head.length - 1)
  opened.writeUInt32BE(length, head.length)
  return opened
}
