/** One batch: entries of one lane and epoch, packed, compressed and sized to what the link carries. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { LedgerSource, SourceEntry } from './ports.ts'
import { MAX_BATCH_ENTRIES } from './protocol/limits.ts'
import type { PushBatch } from './protocol/messages.ts'
import { packr } from './protocol/parse.ts'

const compress = promisify(gzip)

/** Fast level: sealed parts do not compress, and the box's CPU is better spent on answers. */
const GZIP_LEVEL = 1
/** Below this the gzip header costs more than it saves. */
const COMPRESS_FROM_BYTES = 512
/** Bytes of entries in one batch; a slow link gets less. */
export const MAX_BATCH_BYTES = 1024 * 1024
/** A batch should be answered within this: it is what a critical entry may wait behind on a thin link. */
const TARGET_MS = 400
const FIRST_ENTRIES = 1000

export interface Batch {
  readonly lane: string
  readonly epoch: string
  readonly entries: readonly SourceEntry[]
  readonly firstSequence: number
  readonly lastSequence: number
  readonly bytes: number
  /** The lane has more waiting: it drains as backlog, behind the lanes that are up to date. */
  readonly isBacklog: boolean
}

/** Undefined when the lane has nothing after `after`. Throws what the source throws. */
export function readBatch(
  source: LedgerSource,
  lane: string,
  after: number,
  size: { readonly entries: number; readonly bytes: number },
): Batch | undefined {
  const entries = source.readLane(lane, after, size.entries, size.bytes)
  const first = entries[0]
  const last = entries[entries.length - 1]
  if (!first || !last) return undefined
  let bytes = 0
  for (const entry of entries) bytes += entry.bytes.length + (entry.disclosed?.length ?? 0)
  return {
    lane,
    epoch: first.epoch,
    entries,
    firstSequence: first.sequence,
    lastSequence: last.sequence,
    bytes,
    isBacklog: entries.length >= size.entries || bytes * 2 >= size.bytes,
  }
}

export interface EncodedBatch {
  readonly body: Uint8Array
  readonly contentEncoding?: 'gzip'
}

/** Undefined: the core reads nothing but what stands in clear in the entry's bytes. */
export type Disclose = (lane: string, entry: SourceEntry) => object | undefined

export async function encodeBatch(
  batch: Batch,
  after: number,
  nonce: string,
  disclose: Disclose = () => undefined,
): Promise<EncodedBatch> {
  const message: PushBatch = {
    v: 1,
    epoch: batch.epoch,
    lane: batch.lane,
    after,
    nonce,
    entries: batch.entries.map((entry) => [
      entry.sequence,
      entry.index,
      entry.bytes,
      entry.disclosed ?? packDisclosed(disclose(batch.lane, entry)),
    ]),
  }
  const packed = packr.encode(message)
  if (packed.length < COMPRESS_FROM_BYTES) return { body: packed }
  return { body: await compress(packed, { level: GZIP_LEVEL }), contentEncoding: 'gzip' }
}

function packDisclosed(disclosed: object | undefined): Uint8Array | null {
  return disclosed ? packr.encode(disclosed) : null
}

/** How much the next batch of a lane may hold, learned from how long the last one took. */
export interface BatchSize {
  current(): { readonly entries: number; readonly bytes: number }
  answered(batch: Batch, tookMs: number): void
  /** The batch timed out or was refused as a whole: half of it next. False at one entry. */
  halve(batch: Batch): boolean
}

export function createBatchSize(
  maxEntries = MAX_BATCH_ENTRIES,
  maxBytes = MAX_BATCH_BYTES,
): BatchSize {
  let entries = Math.min(FIRST_ENTRIES, maxEntries)
  let bytes = Math.min(256 * 1024, maxBytes)
  return {
    current: () => ({ entries, bytes }),
    answered(batch, tookMs) {
      const grow = tookMs < TARGET_MS / 2 ? 2 : tookMs > TARGET_MS * 2 ? 0.5 : 1
      if (grow > 1 && !batch.isBacklog) return
      entries = Math.max(1, Math.min(maxEntries, Math.ceil(entries * grow)))
      bytes = Math.max(4096, Math.min(maxBytes, Math.ceil(bytes * grow)))
    },
    halve(batch) {
      if (batch.entries.length <= 1) return false
      entries = Math.max(1, Math.floor(batch.entries.length / 2))
      bytes = Math.max(4096, Math.floor(batch.bytes / 2))
      return true
    },
  }
}
