/** How a batch is read and packed without being in the way of whoever asks something. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'

/** Work in pieces: after each one whoever waits has his turn. */
export interface Manners {
  pause(): Promise<void>
  compress(packed: Buffer): Promise<Uint8Array>
}

/** Fast level: sealed parts do not compress, and the box's CPU is better spent on answers. */
const GZIP_LEVEL = 1
/** Half a millisecond's work at that level; the window of deflate, so that little is lost by it. */
const MEMBER_BYTES = 32 * 1024
/** Longer than what is worked between two pauses: half of this thread's time belongs to others. */
const REST_MS = 1

const gzipInPool = promisify(gzip)

/** In the thread that answers: other work of its loop comes first. */
export const BETWEEN_TURNS: Manners = {
  pause: () => nextTurn(),
  compress: (packed) => gzipInPool(packed, { level: GZIP_LEVEL }),
}

/**
 * In a thread of its own: where cores are few, Linux lets a thread that wakes up wait until the running
 * one has had its slice of some milliseconds. So this one gives the core back every half millisecond,
 * and compresses here rather than in a pool, as a gzip stream of many members (RFC 1952, 2.2).
 */
export const BESIDE_OTHERS: Manners = {
  pause: () => sleep(REST_MS),
  async compress(packed) {
    const members: Uint8Array[] = []
    for (let at = 0; at < packed.length; at += MEMBER_BYTES) {
      if (at > 0) await BESIDE_OTHERS.pause()
      members.push(gzipSync(packed.subarray(at, at + MEMBER_BYTES), { level: GZIP_LEVEL }))
    }
    return Buffer.concat(members)
  },
}
