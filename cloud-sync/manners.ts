/** How a batch is read and packed without being in the way of whoever asks something. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { MAX_BATCH_ENTRIES } from './protocol/limits.ts'

/** Work in pieces: after each one whoever waits has his turn. */
export interface Manners {
  /** Entries read or packed in one go, before the clock is looked at. */
  readonly sliceEntries: number
  pause(): Promise<void>
  compress(packed: Buffer): Promise<Uint8Array>
}

/**
 * Fast: sealed parts do not compress, and the box's CPU is better spent on answers. A window of 8 KB holds
 * the last two dozen entries, which is where the repetitions of an entry are, and stays in the processor's
 * cache: the same size as with 32 KB for half the time (1.3 against 2.5 µs an entry, zlib of Node 20).
 */
const GZIP = { level: 1, windowBits: 13, memLevel: 9, chunkSize: 128 * 1024 }

const gzipInPool = promisify(gzip)

/** In the thread that answers: other work of its loop comes first. */
export const BETWEEN_TURNS: Manners = {
  // 0.15 ms, 1 ms where each is opened to be disclosed.
  sliceEntries: 64,
  pause: () => nextTurn(),
  compress: (packed) => gzipInPool(packed, GZIP),
}

/**
 * In a thread of its own, of the lowest priority: it compresses here, since threads of the pool have the
 * priority of whoever answers. It does not rest: Linux prefers a thread that has slept, however nice it is.
 */
export const BESIDE_OTHERS: Manners = {
  // A whole batch: each reading takes locks that the thread that answers takes too (DESIGN.md, "Locks").
  sliceEntries: MAX_BATCH_ENTRIES,
  pause: () => nextTurn(),
  compress: (packed) => Promise.resolve(gzipSync(packed, GZIP)),
}
